package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
final class StopTest {

  private final Stop stop = new Stop();

  @Test
  void request_waitsUntilSectionsAreLeft() throws Exception {
    stop.enter();
    CompletableFuture<Boolean> request = CompletableFuture.supplyAsync(stop::request);
    while (!stop.requested()) {
      Thread.onSpinWait();
    }
    assertThat(request).isNotDone();
    assertThatExceptionOfType(InterruptedIOException.class).isThrownBy(stop::check);
    assertThatExceptionOfType(InterruptedIOException.class).isThrownBy(stop::enter);
    stop.leave();
    assertThat(request.get(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void await_endsWithTheWish_orWhenAllIsOver() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    CompletableFuture<Void> waits = CompletableFuture.runAsync(() -> stop.await(over::get));
    stop.look();
    assertThat(waits).isNotDone();
    over.set(true);
    stop.look();
    waits.get(60, TimeUnit.SECONDS);
    CompletableFuture<Void> again = CompletableFuture.runAsync(() -> stop.await(() -> false));
    stop.request();
    again.get(60, TimeUnit.SECONDS);
  }

  @Test
  void request_afterTheVerbHasEnded_doesNothing() {
    stop.finish();
    assertThat(stop.request()).isFalse();
    assertThat(stop.requested()).isFalse();
  }

  @Test
  void request_endsRead() throws Exception {
    Pipe pipe = Pipe.open();
    CountDownLatch started = new CountDownLatch(1);
    try (Pipe.SinkChannel sink = pipe.sink();
        Pipe.SourceChannel source = pipe.source()) {
      CompletableFuture<Integer> read =
          CompletableFuture.supplyAsync(() -> {
            started.countDown();
            try {
              return stop.interruptibly(source, () -> source.read(ByteBuffer.allocate(1)));
            } catch (IOException e) {
              throw new IllegalStateException(e);
            }
          });
      started.await();
      assertThat(stop.request()).isTrue();
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> read.get(60, TimeUnit.SECONDS))
          .withRootCauseInstanceOf(InterruptedIOException.class);
      assertThat(sink.isOpen()).isTrue();
    }
  }
}
