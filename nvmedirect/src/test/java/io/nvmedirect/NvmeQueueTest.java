package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class NvmeQueueTest {

  @Test
  void confinedQueue_belongsToItsFirstThread() throws Exception {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
        NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        ExecutorService other = Executors.newSingleThreadExecutor()) {
      assertThat(queue.options())
          .containsExactlyInAnyOrder(QueueOption.CONFINED, QueueOption.MANUAL_COMPLETION);
      handle.read(MemorySegment.ofArray(new byte[512]), 0);
      Future<Integer> poll = other.submit(queue::poll);
      assertThatThrownBy(poll::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(IllegalStateException.class)
          .hasMessageContaining("confined to thread");
    }
  }

  @Test
  void depth_isWhatWasAskedFor() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
        NvmeQueue one = device.createQueue(1);
        NvmeQueue most = device.createQueue(4095);
        NvmeQueue usual = device.createQueue()) {
      assertThat(one.depth()).isEqualTo(1);
      assertThat(most.depth()).isEqualTo(4095);
      assertThat(usual.depth()).isEqualTo(255);
      assertThat(one.id()).isNotEqualTo(most.id());
      assertThat(one.inFlight()).isZero();
    }
  }

  @Test
  void interruptHandle_needsAnInterruptQueue() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
        NvmeQueue queue = device.createQueue()) {
      assertThatThrownBy(() -> queue.createHandle(HandleOption.INTERRUPT))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("QueueOption.INTERRUPT");
      assertThat(queue.openHandles()).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "mem:4MiB, false",
    "mem:4MiB?mode=thread, false",
    "mem:4MiB, true",
    "mem:4MiB?mode=thread, true"
  })
  void threads_shareAQueue(String address, boolean interrupt) throws Exception {
    QueueOption[] options =
        interrupt ? new QueueOption[] {QueueOption.INTERRUPT} : new QueueOption[0];
    HandleOption[] handleOptions =
        interrupt ? new HandleOption[] {HandleOption.INTERRUPT} : new HandleOption[0];
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(4, options);
        NvmeHandle handle = queue.createHandle(handleOptions);
        ExecutorService threads = Executors.newFixedThreadPool(6)) {
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < 6; t++) {
        int thread = t;
        results.add(threads.submit(() -> readAndWrite(device, handle, thread)));
      }
      for (Future<?> result : results) {
        result.get();
      }
      assertThat(queue.inFlight()).isZero();
    }
  }

  private static Void readAndWrite(NvmeDevice device, NvmeHandle handle, int thread)
      throws IOException {
    long position = thread * 65_536L;
    try (DmaBuffer buffer = device.allocate(8192)) {
      for (int i = 0; i < 300; i++) {
        buffer.segment().asSlice(0, 4096).fill((byte) (thread + i));
        handle.write(buffer.segment().asSlice(0, 4096), position + i % 16 * 4096L);
        handle.read(buffer.segment().asSlice(4096), position + i % 16 * 4096L);
        assertThat(buffer.segment().asSlice(4096).toArray(ValueLayout.JAVA_BYTE))
            .containsOnly((byte) (thread + i));
      }
    }
    return null;
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:4MiB", "mem:4MiB?mode=thread"})
  void virtualThreads_doBlockingIo(String address) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < 1000; t++) {
        int thread = t;
        results.add(
            threads.submit(() -> {
              MemorySegment memory = MemorySegment.ofArray(new byte[4096]);
              memory.fill((byte) thread);
              handle.write(memory, thread * 4096L);
              handle.read(memory, thread * 4096L);
              assertThat(TestData.bytes(memory)).containsOnly((byte) thread);
              return null;
            }));
      }
      for (Future<?> result : results) {
        result.get();
      }
    }
  }

  @Test
  void close_whileOthersSubmit_isAnExceptionForThem() throws Exception {
    for (int round = 0; round < 20; round++) {
      try (NvmeDevice device = NvmeDevice.open("mem:1MiB?mode=thread");
          ExecutorService threads = Executors.newFixedThreadPool(2)) {
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        List<Future<Integer>> results = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
          results.add(threads.submit(() -> readUntilClosed(handle)));
        }
        handle.close();
        queue.close();
        for (Future<Integer> result : results) {
          assertThat(result.get()).isNotNegative();
        }
      }
    }
  }

  private static int readUntilClosed(NvmeHandle handle) throws IOException {
    MemorySegment memory = MemorySegment.ofArray(new byte[512]);
    int reads = 0;
    while (true) {
      try {
        handle.read(memory, 0);
        reads++;
      } catch (IllegalStateException e) {
        assertThat(e).hasMessageContaining("closed");
        return reads;
      }
    }
  }
}
