package io.nvmedirect.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class BouncePoolTest {

  private final DmaBufferTest.CountingMapper mapper = new DmaBufferTest.CountingMapper();

  /** Buffers that can still be had. */
  private int left = Integer.MAX_VALUE;

  private final BouncePool pool = new BouncePool(this::allocate, 4096, 2);

  private DmaBuffer allocate(long lengthBytes) throws IOException {
    if (left == 0) {
      throw new IOException("no memory");
    }
    left--;
    return DmaBuffer.allocate(mapper, lengthBytes);
  }

  @Test
  void noMemory_whoHasAShareWaitsForTheBufferThatIsKept() throws Exception {
    left = 0;
    assertThatThrownBy(pool::take).hasMessage("no memory");
    AtomicInteger inUse = new AtomicInteger();
    List<Future<Integer>> users = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 100; i++) {
        users.add(
            threads.submit(() -> {
              pool.takeShare();
              DmaBuffer buffer = pool.takeWithShare();
              int together = inUse.incrementAndGet();
              LockSupport.parkNanos(1);
              inUse.decrementAndGet();
              pool.giveBack(buffer);
              pool.giveShareBack();
              return together;
            }));
      }
      for (Future<Integer> user : users) {
        assertThat(user.get()).isEqualTo(1);
      }
    }
    DmaBuffer lost = pool.takeWithShare();
    pool.lose(lost);
    assertThatThrownBy(pool::takeWithShare).hasMessage("no memory");
    lost.close();
    pool.close();
    assertThat(mapper.mapped).hasValue(0);
  }

  @Test
  void giveBack_keepsNoMoreThanTheLimit() throws Exception {
    List<DmaBuffer> taken = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      taken.add(pool.take());
    }
    assertThat(mapper.mapped).hasValue(6);
    taken.forEach(pool::giveBack);
    assertThat(mapper.mapped).as("and the one for want of memory").hasValue(3);
    assertThat(pool.take()).isIn(taken);
    pool.close();
    assertThat(mapper.mapped).hasValue(1);
  }

  @Test
  void shares_boundTheBuffersInUse() throws Exception {
    AtomicInteger inUse = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Future<?>> users = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 1000; i++) {
        users.add(
            threads.submit(() -> {
              pool.takeShare();
              DmaBuffer buffer = pool.take();
              most.accumulateAndGet(inUse.incrementAndGet(), Math::max);
              LockSupport.parkNanos(1);
              inUse.decrementAndGet();
              pool.giveBack(buffer);
              pool.giveShareBack();
              return null;
            }));
      }
      for (Future<?> user : users) {
        user.get();
      }
    }
    assertThat(most).hasValueBetween(1, 2);
    assertThat(mapper.mapped).hasValueBetween(2, 3);
    assertThat(pool.waiting()).isZero();
    pool.close();
    assertThat(mapper.mapped).hasValue(0);
  }
}
