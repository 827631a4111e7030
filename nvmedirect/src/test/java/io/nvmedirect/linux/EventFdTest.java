package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An eventfd that somebody else has too, who may do with it what they like. */
@Timeout(300)
class EventFdTest {

  private static final int F_GETFD = 1;
  private static final int F_SETFL = 4;
  private static final int O_RDWR = 2;
  private static final long FULL = -2; // 2^64 − 2

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
  private EventFd theirs;
  private EventFd ours;

  @BeforeEach
  void pass() throws Exception {
    theirs = EventFd.create();
    ours = EventFd.adopt(passed(theirs.fd()));
  }

  @AfterEach
  void close() {
    ours.close();
    theirs.close();
    arena.close();
  }

  /** Another descriptor of the same open file description. */
  private static int passed(int fd) throws Exception {
    ArrayDeque<Integer> received = new ArrayDeque<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(1);
      UnixSocket[] pair = UnixSocket.pair();
      try (UnixSocket from = pair[0];
          UnixSocket to = pair[1]) {
        assertThat(from.send(bytes, true, fd)).isEqualTo(1);
        assertThat(to.receive(bytes, true, received)).isEqualTo(1);
      }
    }
    return received.remove();
  }

  private long take() {
    assertThat(Libc.read(Libc.newState(arena), theirs.fd(), value, 8)).isEqualTo(8);
    return value.get(ValueLayout.JAVA_LONG, 0);
  }

  private void fill() {
    value.set(ValueLayout.JAVA_LONG, 0, FULL);
    assertThat(Libc.write(Libc.newState(arena), theirs.fd(), value, 8)).isEqualTo(8);
  }

  private void letWritesWait() {
    assertThat(Libc.fcntl(theirs.fd(), F_SETFL, MemorySegment.ofAddress(O_RDWR))).isZero();
  }

  @Test
  void signal_adopted_addsOne() {
    ours.signal();
    assertThat(take()).isEqualTo(1);
  }

  @Test
  void signal_adopted_manyTimes_losesNone() {
    for (int i = 0; i < 10_000; i++) {
      ours.signal();
    }
    assertThat(take()).isEqualTo(10_000);
    assertThat(ours.drain()).isFalse();
  }

  @Test
  void signal_severalThreads_losesNone() {
    CompletableFuture<?>[] threads = new CompletableFuture<?>[4];
    for (int i = 0; i < threads.length; i++) {
      threads[i] =
          CompletableFuture.runAsync(() -> {
            try (EventFd own = EventFd.adopt(passed(theirs.fd()))) {
              for (int n = 0; n < 10_000; n++) {
                own.signal();
              }
            } catch (Exception e) {
              throw new AssertionError(e);
            }
          });
    }
    CompletableFuture.allOf(threads).join();
    assertThat(take()).isEqualTo(40_000);
  }

  /** A write would wait for the other side, for ever. */
  @Test
  void signal_counterIsFull_andWritesWait_doesNot() throws Exception {
    fill();
    letWritesWait();
    CompletableFuture<Void> signalled =
        CompletableFuture.runAsync(
            () -> signal(1000), task -> Thread.ofPlatform().daemon().start(task));
    try {
      signalled.get(120, TimeUnit.SECONDS);
    } finally {
      take(); // so that a thread that waits goes on
    }
  }

  private void signal(int times) {
    for (int i = 0; i < times; i++) {
      ours.signal();
    }
  }

  @Test
  void signal_closed_doesNothing() {
    ours.close();
    ours.signal();
    assertThat(theirs.drain()).isFalse();
  }

  @Test
  void adopt_noEventFd_isRefusedAndClosed() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    try (UnixSocket _ = pair[0];
        UnixSocket _ = pair[1]) {
      int fd = passed(pair[0].fd());
      assertThatThrownBy(() -> EventFd.adopt(fd)).hasMessageContaining("EINVAL");
      assertThat(Libc.fcntl(fd, F_GETFD, MemorySegment.NULL)).isEqualTo(-Errno.EBADF);
    }
  }
}
