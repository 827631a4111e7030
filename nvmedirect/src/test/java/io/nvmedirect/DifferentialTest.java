package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Long random sequences of operations, in every way that there is to do them, against an array of
 * bytes. A failure names its seed: {@code -Dnvmedirect.seed=N} replays it.
 */
@Timeout(600)
class DifferentialTest {

  private static final int OPERATIONS = 50_000;

  private static long seed() {
    return Long.getLong("nvmedirect.seed", System.nanoTime());
  }

  /** Few pages, so that they are evicted all the time. */
  private static NvmeDevice open(String address) throws IOException {
    return NvmeDevice.open(address, DeviceOptions.defaults().withCachePages(24));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB",
        "mem:1MiB?lba=4096&mdts=16KiB",
        "mem:1MiB?mode=thread&mdts=8KiB",
        "mem:1025KiB"
      })
  void oneThread_seesWhatItWrote(String address) throws IOException {
    long seed = seed();
    try (NvmeDevice device = open(address);
        RandomUser user = new RandomUser(device, seed, 0, device.sizeBytes())) {
      user.run(OPERATIONS);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mdts=16KiB", "mem:1MiB?lba=4096&mode=thread"})
  void withoutCache_oneThread_seesWhatItWrote(String address) throws IOException {
    DeviceOptions options = DeviceOptions.defaults().withoutCache();
    try (NvmeDevice device = NvmeDevice.open(address, options);
        RandomUser user = new RandomUser(device, seed(), 0, device.sizeBytes())) {
      user.run(OPERATIONS / 2);
    }
  }

  /** Neighbours share pages of the cache, but no block. */
  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB", "mem:1MiB?mode=thread", "mem:4MiB?lba=4096&mode=thread"})
  void threads_onDisjointRanges_seeWhatTheyWrote(String address) throws Exception {
    long seed = seed();
    int threadCount = 4;
    try (NvmeDevice device = open(address);
        ExecutorService threads = Executors.newFixedThreadPool(threadCount)) {
      long share = device.sizeBytes() / threadCount;
      long block = device.blockBytes();
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < threadCount; t++) {
        // Odd numbers of blocks, so that the borders are within pages.
        long from = t == 0 ? 0 : t * share / block * block + block;
        long to =
            t == threadCount - 1 ? device.sizeBytes() : (t + 1) * share / block * block + block;
        int thread = t;
        results.add(
            threads.submit(() -> {
              try (RandomUser user = new RandomUser(device, seed + thread, from, to)) {
                user.run(OPERATIONS / threadCount);
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
  @ValueSource(
      strings = {"mem:256KiB", "mem:256KiB?mode=thread", "mem:256KiB?lba=4096&mode=thread"})
  void threads_onOneRange_readOnlyWhatSomebodyWrote(String address) throws Exception {
    long seed = seed();
    try (NvmeDevice device = open(address);
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        StampingUser user = new StampingUser(device, seed + t, t + 1);
        results.add(
            threads.submit(() -> {
              try (user) {
                user.run(OPERATIONS / 8);
              }
              return null;
            }));
      }
      for (Future<?> result : results) {
        result.get();
      }
      assertThat(results).hasSize(4);
    }
  }
}
