package io.nvmedirect.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class DmaBufferTest {

  /** Counts what is mapped; addresses are the memory's own. */
  static class CountingMapper implements DmaMapper {
    final AtomicInteger mapped = new AtomicInteger();

    @Override
    public boolean canMap(MemorySegment memory) {
      return true;
    }

    @Override
    public long map(MemorySegment memory) throws IOException {
      mapped.incrementAndGet();
      return memory.address();
    }

    @Override
    public void unmap(long iova) {
      mapped.decrementAndGet();
    }
  }

  private final CountingMapper mapper = new CountingMapper();

  @Test
  void allocate_isZeroPageAlignedAndRounded() throws IOException {
    try (DmaBuffer buffer = DmaBuffer.allocate(mapper, 5000)) {
      assertThat(buffer.byteSize()).isEqualTo(8192);
      assertThat(buffer.segment().address() % 4096).isZero();
      assertThat(buffer.segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
      assertThat(buffer.iova(100)).isEqualTo(buffer.segment().address() + 100);
    }
    assertThat(mapper.mapped).hasValue(0);
  }

  @Test
  void allocate_ofNothing_isRefused() {
    assertThatThrownBy(() -> DmaBuffer.allocate(mapper, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lengthBytes=0");
    assertThatThrownBy(() -> DmaBuffer.allocate(mapper, -1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void close_makesAccessAnException() throws IOException {
    DmaBuffer buffer = DmaBuffer.allocate(mapper, 4096);
    MemorySegment segment = buffer.segment();
    buffer.close();
    buffer.close();
    assertThatThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(buffer::acquire).isInstanceOf(IllegalStateException.class);
    assertThat(mapper.mapped).hasValue(0);
  }

  @Test
  void close_whileInUse_freesWithTheLastUser() throws IOException {
    DmaBuffer buffer = DmaBuffer.allocate(mapper, 4096);
    buffer.acquire();
    buffer.acquire();
    buffer.close();
    assertThat(buffer.isClosed()).isTrue();
    assertThatThrownBy(buffer::acquire).isInstanceOf(IllegalStateException.class);
    buffer.release();
    buffer.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    assertThat(mapper.mapped).hasValue(1);
    buffer.release();
    assertThat(mapper.mapped).hasValue(0);
    assertThat(buffer.segment().scope().isAlive()).isFalse();
  }

  @Test
  void close_againstUsersOfOtherThreads_freesOnce() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      for (int round = 0; round < 500; round++) {
        DmaBuffer buffer = DmaBuffer.allocate(mapper, 4096);
        CountDownLatch start = new CountDownLatch(1);
        for (int user = 0; user < 2; user++) {
          threads.execute(() -> {
            try {
              start.await();
              while (buffer.tryAcquire()) {
                buffer.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
                buffer.release();
              }
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
        }
        threads.execute(() -> {
          start.countDown();
          buffer.close();
        });
      }
      threads.shutdown();
      assertThat(threads.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(mapper.mapped).hasValue(0);
  }
}
