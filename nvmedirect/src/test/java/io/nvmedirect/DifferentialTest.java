package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;

/**
 * Long random sequences of operations, in every way that there is to do them, against an array of
 * bytes. A failure names its seed: {@code -Dnvmedirect.seed=N} replays it.
 */
@Timeout(600)
class DifferentialTest {

  /** What the operations are on, of devices that have more. */
  private static final long MOST_BYTES = 4 << 20;

  private static final int THREADS = 4;
  private static final int QUEUES_OF_A_USER = 3;

  private static long seed() {
    return Long.getLong("nvmedirect.seed", System.nanoTime());
  }

  /** Few pages, so that they are evicted all the time. */
  private static NvmeDevice open(String address) throws IOException {
    return NvmeDevice.open(address, DeviceOptions.defaults().withCachePages(24));
  }

  /** The queues that each of some users may have for itself, or shared if there are fewer. */
  private static Shares queues(NvmeDevice device, int users) throws IOException {
    List<NvmeQueue> all = new ArrayList<>();
    while (all.size() < Math.min(QUEUES_OF_A_USER * users, device.maxQueues())) {
      all.add(
          switch (all.size() % QUEUES_OF_A_USER) {
            case 0 -> device.createQueue(5);
            case 1 -> device.createQueue(16, QueueOption.MANUAL_COMPLETION);
            default ->
                device.hasInterrupts()
                    ? device.createQueue(32, QueueOption.INTERRUPT)
                    : device.createQueue(32);
          });
    }
    List<List<NvmeQueue>> shares = new ArrayList<>();
    for (int user = 0; user < users; user++) {
      int first = user * QUEUES_OF_A_USER;
      int count = Math.min(QUEUES_OF_A_USER, all.size());
      shares.add(
          IntStream.range(first, first + count).mapToObj(i -> all.get(i % all.size())).toList());
    }
    return new Shares(shares);
  }

  /** Closed in any case, so that a failure does not keep the device from the tests that follow. */
  private record Shares(List<List<NvmeQueue>> queues) implements AutoCloseable {

    NvmeQueue first() {
      return of(0).getFirst();
    }

    List<NvmeQueue> of(int user) {
      return queues.get(user);
    }

    @Override
    public void close() throws IOException {
      for (List<NvmeQueue> share : queues) {
        for (NvmeQueue queue : share) {
          queue.close();
        }
      }
    }
  }

  @ParameterizedTest
  @DeviceAddresses({
    "mem:1MiB",
    "mem:1MiB?lba=4096&mdts=16KiB",
    "mem:1MiB?mode=thread&mdts=8KiB",
    "mem:1025KiB",
    "mem:1MiB?shadow=on",
    "mem:1MiB?shadow=on&mode=thread"
  })
  void oneThread_seesWhatItWrote(String address, Operations operations) throws IOException {
    try (NvmeDevice device = open(address)) {
      runOne(device, operations.count());
    }
  }

  @ParameterizedTest
  @DeviceAddresses({"mem:1MiB?mdts=16KiB", "mem:1MiB?lba=4096&mode=thread"})
  void withoutCache_oneThread_seesWhatItWrote(String address, Operations operations)
      throws IOException {
    DeviceOptions options = DeviceOptions.defaults().withoutCache();
    try (NvmeDevice device = NvmeDevice.open(address, options)) {
      runOne(device, operations.count() / 2);
    }
  }

  /** At the end of the device. */
  private static void runOne(NvmeDevice device, int operations) throws IOException {
    long to = device.sizeBytes();
    long from = Math.max(0, to - MOST_BYTES / 2);
    try (Shares queues = queues(device, 1);
        RandomUser user = new RandomUser(device, queues.of(0), seed(), from, to)) {
      user.run(operations);
    }
  }

  /** Neighbours share pages of the cache, but no block. */
  @ParameterizedTest
  @DeviceAddresses({
    "mem:1MiB",
    "mem:1MiB?mode=thread",
    "mem:4MiB?lba=4096&mode=thread",
    "mem:1MiB?shadow=on&mode=thread"
  })
  void threads_onDisjointRanges_seeWhatTheyWrote(String address, Operations operations)
      throws Exception {
    long seed = seed();
    try (NvmeDevice device = open(address);
        Shares queues = queues(device, THREADS);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      long size = Math.min(device.sizeBytes(), MOST_BYTES);
      long share = size / THREADS;
      long block = device.blockBytes();
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        // Odd numbers of blocks, so that the borders are within pages.
        long from = t == 0 ? 0 : t * share / block * block + block;
        long to = t == THREADS - 1 ? size : (t + 1) * share / block * block + block;
        int thread = t;
        results.add(
            threads.submit(() -> {
              try (RandomUser user =
                  new RandomUser(device, queues.of(thread), seed + thread, from, to)) {
                user.run(operations.count() / THREADS);
              }
              return null;
            }));
      }
      for (Future<?> result : results) {
        result.get();
      }
    }
  }

  @ParameterizedTest
  @DeviceAddresses({"mem:256KiB", "mem:256KiB?mode=thread", "mem:256KiB?lba=4096&mode=thread"})
  void threads_onOneRange_readOnlyWhatSomebodyWrote(String address, Operations operations)
      throws Exception {
    long seed = seed();
    try (NvmeDevice device = open(address);
        Shares queues = queues(device, THREADS);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      long size = Math.min(device.sizeBytes(), 256 << 10);
      try (NvmeHandle handle = queues.first().createHandle()) {
        handle.write(MemorySegment.ofArray(new byte[(int) size]), 0);
      }
      int blocks = (int) (size / device.blockBytes());
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        NvmeQueue queue = queues.of(t).getFirst();
        StampingUser user = new StampingUser(device, queue, seed + t, t + 1, blocks);
        results.add(
            threads.submit(() -> {
              try (user) {
                user.run(operations.count() / 8);
              }
              return null;
            }));
      }
      for (Future<?> result : results) {
        result.get();
      }
      assertThat(results).hasSize(THREADS);
    }
  }
}
