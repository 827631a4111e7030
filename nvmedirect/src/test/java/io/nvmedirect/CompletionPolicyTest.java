package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;

/** Each completion policy, on queues of each kind, by platform and virtual threads. */
@ParameterizedClass
@DeviceAddresses({
  "mem:16MiB",
  "mem:16MiB?mode=thread",
  "mem:16MiB?lba=4096&model=flash",
  "mem:16MiB?shadow=on&mode=thread",
  "mem:16MiB?mode=thread&mdts=8KiB"
})
@Timeout(300)
class CompletionPolicyTest {

  private static final HandleOption[][] POLICIES = {
    {}, {HandleOption.HYBRID}, {HandleOption.INTERRUPT}
  };

  private final String address;

  CompletionPolicyTest(String address) {
    this.address = address;
  }

  private static NvmeQueue queue(NvmeDevice device, HandleOption[] policy) throws IOException {
    return policy.length > 0 && DeviceTraits.hasInterrupts(device)
        ? device.createQueue(8, QueueOption.INTERRUPT)
        : device.createQueue(8);
  }

  private static boolean needsInterrupt(HandleOption[] policy) {
    return List.of(policy).contains(HandleOption.INTERRUPT);
  }

  /** Writes and reads at places of its own, with lengths that differ. */
  private static void roundTrips(NvmeHandle handle, int user, int times) throws IOException {
    for (int i = 0; i < times; i++) {
      int length = 4096 << i % 4;
      byte[] data = TestData.random(user * 1000L + i, length);
      MemorySegment read = MemorySegment.ofArray(new byte[length]);
      handle.write(MemorySegment.ofArray(data), user * 65536L);
      handle.read(read, user * 65536L);
      assertThat(TestData.bytes(read)).isEqualTo(data);
    }
  }

  private static void roundTrips(NvmeHandle handle, ExecutorService threads, int users, int times)
      throws Exception {
    List<Future<?>> results = new ArrayList<>();
    for (int u = 0; u < users; u++) {
      int user = u;
      results.add(
          threads.submit(() -> {
            roundTrips(handle, user, times);
            return null;
          }));
    }
    for (Future<?> result : results) {
      result.get();
    }
  }

  @Test
  void everyPolicy_bringsDataBack(Operations operations) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      for (HandleOption[] policy : POLICIES) {
        if (needsInterrupt(policy) && !DeviceTraits.hasInterrupts(device)) {
          continue;
        }
        try (NvmeQueue queue = queue(device, policy);
            NvmeHandle handle = queue.createHandle(policy);
            ExecutorService platform = Executors.newCachedThreadPool();
            ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
          roundTrips(handle, 0, 8);
          roundTrips(handle, platform, 3, operations.rounds(24));
          roundTrips(handle, virtual, 20, operations.rounds(8));
        }
      }
    }
  }

  @Test
  void hybrid_worksOnManualAndConfinedQueues() throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      for (QueueOption option : List.of(QueueOption.MANUAL_COMPLETION, QueueOption.CONFINED)) {
        for (Thread.Builder builder : List.of(Thread.ofPlatform(), Thread.ofVirtual())) {
          try (NvmeQueue queue = device.createQueue(4, option);
              NvmeHandle handle = queue.createHandle(HandleOption.HYBRID);
              ExecutorService one = Executors.newSingleThreadExecutor(builder.factory())) {
            roundTrips(handle, one, 1, 16);
          }
        }
      }
    }
  }

  @Test
  void policy_isSwitchedWhileThreadsRead(Operations operations) throws Exception {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeInterrupts(device);
      try (NvmeQueue queue = device.createQueue(8, QueueOption.INTERRUPT);
          NvmeHandle handle = queue.createHandle();
          ExecutorService threads = Executors.newCachedThreadPool()) {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger rounds = new AtomicInteger();
        List<Future<?>> readers = new ArrayList<>();
        for (int t = 0; t < 3; t++) {
          int user = t;
          readers.add(
              threads.submit(() -> {
                // The first one at least, however late the thread begins.
                do {
                  roundTrips(handle, user, 1);
                  rounds.incrementAndGet();
                } while (!stop.get());
                return null;
              }));
        }
        try {
          for (int i = 0; i < operations.rounds(50); i++) {
            HandleOption option = i % 2 == 0 ? HandleOption.HYBRID : HandleOption.INTERRUPT;
            handle.set(option, true);
            roundTrips(handle, 5, 1);
            assertThat(handle.options()).containsExactly(option);
            handle.set(option, false);
            roundTrips(handle, 5, 1);
          }
        } finally {
          stop.set(true);
        }
        for (Future<?> reader : readers) {
          reader.get();
        }
        assertThat(rounds).hasValueGreaterThanOrEqualTo(3);
      }
    }
  }

  @Test
  void hybridAndInterrupt_areRefusedTogether() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeInterrupts(device);
      try (NvmeQueue queue = device.createQueue(8, QueueOption.INTERRUPT)) {
        assertThatThrownBy(() -> queue.createHandle(HandleOption.INTERRUPT, HandleOption.HYBRID))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("HandleOption.INTERRUPT")
            .hasMessageContaining("HandleOption.HYBRID");
        try (NvmeHandle handle = queue.createHandle(HandleOption.HYBRID)) {
          assertThatThrownBy(() -> handle.set(HandleOption.INTERRUPT, true))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("HandleOption.HYBRID");
          assertThat(handle.options()).containsExactly(HandleOption.HYBRID);
          handle.set(HandleOption.HYBRID, false);
          handle.set(HandleOption.INTERRUPT, true);
          assertThatThrownBy(() -> handle.set(HandleOption.HYBRID, true))
              .isInstanceOf(IllegalArgumentException.class);
          roundTrips(handle, 0, 2);
        }
      }
    }
  }

  @Test
  void virtualThreads_overTwoQueues_allComplete(Operations operations) throws Exception {
    // More than two queues have slots, in any case.
    int threads = Math.max(600, operations.rounds(2000));
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeQueues(device, 2);
      try (NvmeQueue first = device.createQueue();
          NvmeQueue second = device.createQueue();
          NvmeHandle one = first.createHandle();
          NvmeHandle two = second.createHandle();
          ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
        byte[] data = TestData.random(1, 4096);
        one.write(MemorySegment.ofArray(data), 0);
        List<Future<byte[]>> reads = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
          NvmeHandle handle = i % 2 == 0 ? one : two;
          reads.add(
              virtual.submit(() -> {
                MemorySegment to = MemorySegment.ofArray(new byte[4096]);
                handle.read(to, 0);
                return TestData.bytes(to);
              }));
        }
        for (Future<byte[]> read : reads) {
          assertThat(read.get()).isEqualTo(data);
        }
      }
    }
  }
}
