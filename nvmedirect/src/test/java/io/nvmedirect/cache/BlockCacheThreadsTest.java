package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class BlockCacheThreadsTest {

  private static final int PAGE = 4096;
  private static final int SECTOR = 512;

  /** The pages in the middle belong to both, half of the sectors to each. */
  private static final int PER_THREAD = 20 * PAGE + 4 * SECTOR;

  private static final int DEVICE = 2 * PER_THREAD;

  private final TestFrames frames = new TestFrames();
  private final MemoryStore store = new MemoryStore(DEVICE, SECTOR);
  private final RangeGuard guard = CacheFixture.newGuard();

  @Test
  void threadsOnDisjointRanges_eachSeeTheirOwnBytes() throws Exception {
    try (BlockCache cache = new BlockCache(DEVICE, SECTOR, 8, true, frames, guard);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<byte[]>> models = new ArrayList<>();
      for (int thread = 0; thread < 2; thread++) {
        int base = thread * PER_THREAD;
        models.add(threads.submit(() -> work(cache, base)));
      }
      byte[] first = models.get(0).get(120, TimeUnit.SECONDS);
      byte[] second = models.get(1).get(120, TimeUnit.SECONDS);
      cache.flush(store);
      assertThat(Arrays.copyOf(store.content, PER_THREAD)).isEqualTo(first);
      assertThat(Arrays.copyOfRange(store.content, PER_THREAD, DEVICE)).isEqualTo(second);
    }
    assertThat(frames.liveBytes()).isZero();
  }

  private byte[] work(BlockCache cache, int base) throws IOException {
    Random random = new Random(base);
    byte[] model = Arrays.copyOfRange(store.content, base, base + PER_THREAD);
    for (int i = 0; i < 10_000; i++) {
      int length = random.nextInt(3 * PAGE);
      int position = random.nextInt(PER_THREAD - length);
      byte[] bytes = new byte[length];
      switch (random.nextInt(6)) {
        case 0, 1 -> {
          random.nextBytes(bytes);
          cache.write(store, MemorySegment.ofArray(bytes), base + position);
          System.arraycopy(bytes, 0, model, position, length);
          assertThat(length == 0 || guard.mayHold(0, DEVICE)).isTrue();
        }
        case 2 -> {
          random.nextBytes(bytes);
          cache.writeThrough(store, MemorySegment.ofArray(bytes), base + position);
          System.arraycopy(bytes, 0, model, position, length);
        }
        case 3 -> cache.flush(store, base + position, length);
        case 4 -> {
          if (length > 0) {
            CacheFixture.writeDirectly(cache, guard, store, base + position, length, () -> {});
          }
        }
        default -> {
          cache.read(store, MemorySegment.ofArray(bytes), base + position);
          assertThat(bytes)
              .as("base %d, operation %d", base, i)
              .isEqualTo(Arrays.copyOfRange(model, position, position + length));
        }
      }
    }
    return model;
  }

  /** One thread writes around the cache; the other reads the same sectors, and so caches them. */
  @Test
  void writesAroundTheCache_areSeenAfterThemDespiteReaders() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    try (BlockCache cache = new BlockCache(DEVICE, SECTOR, 2, true, frames, guard);
        ExecutorService threads = Executors.newFixedThreadPool(1)) {
      Future<?> reading =
          threads.submit(() -> {
            byte[] bytes = new byte[SECTOR];
            for (int i = 0; !done.get(); i++) {
              cache.read(store, MemorySegment.ofArray(bytes), i % 4 * (long) PAGE);
            }
            return null;
          });
      byte[] seen = new byte[SECTOR];
      for (int i = 0; i < 20_000; i++) {
        int position = i % 4 * PAGE;
        byte content = (byte) i;
        CacheFixture.writeDirectly(
            cache,
            guard,
            store,
            position,
            SECTOR,
            () -> Arrays.fill(store.content, position, position + SECTOR, content));
        cache.read(store, MemorySegment.ofArray(seen), position);
        assertThat(seen).as("operation %d", i).containsOnly((byte) i);
      }
      done.set(true);
      reading.get(60, TimeUnit.SECONDS);
    } finally {
      done.set(true);
    }
  }

  @Test
  void close_whileAnotherThreadReads_waitsForItsIo() throws Exception {
    BlockCache cache = new BlockCache(DEVICE, SECTOR, 8, true, frames, guard);
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    store.hook =
        () -> {
          inside.countDown();
          try {
            assertThat(goOn.await(60, TimeUnit.SECONDS)).isTrue();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        };
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      byte[] bytes = new byte[PAGE];
      Future<?> reading =
          threads.submit(() -> {
            cache.read(store, MemorySegment.ofArray(bytes), 0);
            return null;
          });
      assertThat(inside.await(60, TimeUnit.SECONDS)).isTrue();
      Future<?> closing = threads.submit(cache::close);
      assertThat(frames.liveBytes()).isPositive();
      goOn.countDown();
      reading.get(60, TimeUnit.SECONDS);
      closing.get(60, TimeUnit.SECONDS);
      assertThat(bytes).isEqualTo(Arrays.copyOf(store.content, PAGE));
    }
    assertThat(frames.liveBytes()).isZero();
  }
}
