package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.transport.Reaper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;

/** A device of 100 pages and 3 sectors, and what tests do with a cache of it. */
abstract class CacheFixture {

  static final int PAGE = 4096;
  static final int SECTOR = 512;
  static final int DEVICE = 100 * PAGE + 3 * SECTOR;

  final TestFrames frames = new TestFrames();
  final MemoryStore store = new MemoryStore(DEVICE, SECTOR);
  final byte[] original = store.content.clone();
  final RangeGuard guard = newGuard();

  static final Reaper REAPS_NOTHING =
      new Reaper() {
        @Override
        public boolean mustReap() {
          return false;
        }

        @Override
        @SuppressWarnings("ThreadPriorityCheck") // others end what is waited for
        public int reap(int idle) {
          Thread.yield();
          return idle + 1;
        }
      };

  /** The guard of a device that has no queues. */
  static RangeGuard newGuard() {
    return new RangeGuard(REAPS_NOTHING, Clock.SYSTEM, TimeUnit.SECONDS.toNanos(60));
  }

  /** A direct write that changes nothing: the cache gives its sectors up. */
  void touchDirectly(BlockCache cache, long position, long lengthBytes) throws IOException {
    writeDirectly(cache, guard, store, position, lengthBytes, () -> {});
  }

  /** A direct write, which {@code device} does. */
  static void writeDirectly(
      BlockCache cache,
      RangeGuard guard,
      Store store,
      long position,
      long lengthBytes,
      Runnable device)
      throws IOException {
    if (!guard.tryBeginWrite(position, lengthBytes)) {
      cache.beginDirectWrite(store, position, lengthBytes);
    }
    try {
      device.run();
    } finally {
      guard.endWrite(position, lengthBytes);
    }
  }

  @AfterEach
  void everyBuffer_isFreed() throws IOException {
    assertThat(frames.liveBytes()).isZero();
  }

  BlockCache cache(int pages) throws IOException {
    return new BlockCache(DEVICE, SECTOR, pages, true, frames, guard);
  }

  byte[] read(BlockCache cache, long position, int length) throws IOException {
    byte[] bytes = new byte[length];
    cache.read(store, MemorySegment.ofArray(bytes), position);
    return bytes;
  }

  static byte[] bytes(int value, int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  static MemorySegment memory(int value, int length) {
    return MemorySegment.ofArray(bytes(value, length));
  }

  void write(BlockCache cache, int value, long position, int length) throws IOException {
    cache.write(store, memory(value, length), position);
  }

  byte[] device(int position, int length) {
    return Arrays.copyOfRange(store.content, position, position + length);
  }

  byte[] before(int position, int length) {
    return Arrays.copyOfRange(original, position, position + length);
  }
}
