package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The future of an operation ends, whatever is thrown while it is found out how: nobody else ends it. */
@Tag("emulator")
@Timeout(300)
class FutureEndTest {

  private static final int FRAMES = 400;
  private static final long STACK_BYTES = 256 << 10;

  @Test
  void complete_statusCannotBeHad_endsWithWhatWasThrown() {
    CompletableFuture<Void> future = new CompletableFuture<>();
    DirectIo.complete(future, new AsyncIo());
    assertThat(future.exceptionNow())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the operation is not done");
  }

  /** Completes futures at the end of the stack, from each frame on the way back. */
  private static final class Recursion {
    private final AsyncIo failed;
    private final List<Throwable> ends = new ArrayList<>(FRAMES);
    private int endless;
    private int frames;

    Recursion(AsyncIo failed) {
      this.failed = failed;
    }

    @SuppressWarnings("InfiniteRecursion") // to the end of the stack
    void down() {
      try {
        down();
      } catch (StackOverflowError e) {
        // Then this frame is the last that fits.
      }
      if (frames < FRAMES) {
        frames++;
        complete();
      }
    }

    private void complete() {
      try {
        CompletableFuture<Void> future = new CompletableFuture<>();
        DirectIo.complete(future, failed);
        if (future.isDone()) {
          ends.add(future.exceptionNow());
        } else {
          endless++;
        }
      } catch (StackOverflowError e) {
        // There was no room to complete it either.
      }
    }
  }

  @Test
  void complete_noRoomOnTheStackForTheMessage_endsWithTheError() throws Exception {
    try (Emulator emulator = FaultyDevice.emulator("mem:1MiB?lba=4096");
        NvmeDevice device = FaultyDevice.open("mem:", emulator, DeviceOptions.defaults());
        NvmeQueue queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
        NvmeHandle handle = queue.createHandle()) {
      AsyncIo failed = failed(emulator, handle);
      Recursion warm = new Recursion(failed);
      warm.complete();
      assertThat(warm.ends).singleElement().isInstanceOf(NvmeException.class);
      Recursion recursion = new Recursion(failed);
      Thread thread = new Thread(null, recursion::down, "recursion", STACK_BYTES);
      thread.setDaemon(true);
      thread.start();
      assertThat(thread.join(Duration.ofMinutes(2))).isTrue();
      assertThat(recursion.endless).isZero();
      assertThat(recursion.ends)
          .hasAtLeastOneElementOfType(StackOverflowError.class)
          .hasAtLeastOneElementOfType(NvmeException.class);
    }
  }

  private static AsyncIo failed(Emulator emulator, NvmeHandle handle) throws IOException {
    emulator.inject((sqid, opcode, nsid, slba, blocks) -> sqid == 0 ? 0 : Status.WRITE_FAULT);
    AsyncIo operation = new AsyncIo();
    assertThat(handle.write(operation, MemorySegment.ofArray(new byte[4096]), 0)).isTrue();
    while (!operation.isDone()) {
      int _ = handle.poll();
    }
    emulator.inject(null);
    return operation;
  }
}
