package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;

/** A device of 100 pages and 3 sectors, and what tests do with a cache of it. */
abstract class CacheFixture {

  static final int PAGE = 4096;
  static final int SECTOR = 512;
  static final int DEVICE = 100 * PAGE + 3 * SECTOR;

  final TestFrames frames = new TestFrames();
  final MemoryStore store = new MemoryStore(DEVICE, SECTOR);
  final byte[] original = store.content.clone();

  @AfterEach
  void everyBuffer_isFreed() throws IOException {
    assertThat(frames.liveBytes()).isZero();
  }

  BlockCache cache(int pages) throws IOException {
    return new BlockCache(DEVICE, SECTOR, pages, true, frames);
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
