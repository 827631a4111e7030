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
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({"mem:4MiB", "mem:4MiB?mode=thread", "mem:4MiB?shadow=on&mode=thread"})
@Timeout(300)
class NvmeQueueTest {

  private final String address;

  NvmeQueueTest(String address) {
    this.address = address;
  }

  @Test
  void confinedQueue_belongsToItsFirstThread() throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(QueueOption.CONFINED);
        NvmeHandle handle = queue.createHandle();
        ExecutorService other = Executors.newSingleThreadExecutor()) {
      assertThat(queue.options())
          .containsExactlyInAnyOrder(QueueOption.CONFINED, QueueOption.MANUAL_COMPLETION);
      handle.read(MemorySegment.ofArray(new byte[4096]), 0);
      Future<Integer> poll = other.submit(queue::poll);
      assertThatThrownBy(poll::get)
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(IllegalStateException.class)
          .hasMessageContaining("confined to thread");
    }
  }

  @Test
  void depth_isWhatWasAskedFor() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      for (int depth : new int[] {1, 7, device.maxQueueDepth()}) {
        try (NvmeQueue queue = device.createQueue(depth)) {
          assertThat(queue.depth()).isEqualTo(depth);
          assertThat(queue.inFlight()).isZero();
        }
      }
      try (NvmeQueue usual = device.createQueue()) {
        assertThat(usual.depth()).isEqualTo(Math.min(255, device.maxQueueDepth()));
      }
    }
  }

  @Test
  void priority_isWhatWasAskedForAndDoesNoHarm() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      for (QueuePriority priority : QueuePriority.values()) {
        try (NvmeQueue queue = device.createQueue(4, priority);
            NvmeHandle handle = queue.createHandle()) {
          assertThat(queue.priority()).isEqualTo(priority);
          handle.read(MemorySegment.ofArray(new byte[4096]), 0);
        }
      }
      try (NvmeQueue usual = device.createQueue()) {
        assertThat(usual.priority()).isEqualTo(QueuePriority.MEDIUM);
      }
    }
  }

  @Test
  void queues_haveIdentifiersOfTheirOwn() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeQueues(device, 2);
      try (NvmeQueue first = device.createQueue();
          NvmeQueue second = device.createQueue()) {
        assertThat(first.id()).isNotEqualTo(second.id());
      }
    }
  }

  @Test
  void interruptHandle_needsAnInterruptQueue() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue()) {
      assertThatThrownBy(() -> queue.createHandle(HandleOption.INTERRUPT))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("QueueOption.INTERRUPT");
      assertThat(queue.openHandles()).isZero();
    }
  }

  @Test
  void threads_shareAQueue(Operations operations) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue(4);
        NvmeHandle handle = queue.createHandle()) {
      assertThreadsShare(device, handle, operations.rounds(300));
    }
  }

  @Test
  void threads_shareAQueueWithInterrupts(Operations operations) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeInterrupts(device);
      try (NvmeQueue queue = device.createQueue(4, QueueOption.INTERRUPT);
          NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT)) {
        assertThreadsShare(device, handle, operations.rounds(300));
      }
    }
  }

  private static void assertThreadsShare(NvmeDevice device, NvmeHandle handle, int rounds)
      throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < 6; t++) {
        int thread = t;
        results.add(threads.submit(() -> readAndWrite(device, handle, thread, rounds)));
      }
      for (Future<?> result : results) {
        result.get();
      }
      assertThat(handle.queue().inFlight()).isZero();
    }
  }

  private static Void readAndWrite(NvmeDevice device, NvmeHandle handle, int thread, int rounds)
      throws IOException {
    long position = thread * 65_536L;
    try (DmaBuffer buffer = device.allocate(8192)) {
      for (int i = 0; i < rounds; i++) {
        buffer.segment().asSlice(0, 4096).fill((byte) (thread + i));
        handle.write(buffer.segment().asSlice(0, 4096), position + i % 16 * 4096L);
        handle.read(buffer.segment().asSlice(4096), position + i % 16 * 4096L);
        assertThat(buffer.segment().asSlice(4096).toArray(ValueLayout.JAVA_BYTE))
            .containsOnly((byte) (thread + i));
      }
    }
    return null;
  }

  @Test
  void virtualThreads_doBlockingIo(Operations operations) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < operations.rounds(1000); t++) {
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
  void close_whileOthersSubmit_isAnExceptionForThem(Operations operations) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int round = 0; round < operations.rounds(20); round++) {
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
    MemorySegment memory = MemorySegment.ofArray(new byte[4096]);
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
