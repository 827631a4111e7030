package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BlockCacheTest extends CacheFixture {

  @Test
  void sectorsOf4096_areWholePages() throws IOException {
    MemoryStore large = new MemoryStore(8 * PAGE, PAGE);
    try (BlockCache cache = new BlockCache(8 * PAGE, PAGE, 2, true, frames, guard)) {
      cache.write(large, memory(1, 10), 5000);
      assertThat(large.takeLog()).containsExactly("r 4096+4096");
      cache.write(large, memory(2, PAGE + 1), 2 * PAGE);
      assertThat(large.takeLog()).containsExactly("r 12288+4096", "w 4096+4096");
      cache.flush(large);
      assertThat(large.takeLog()).containsExactly("w 8192+8192");
      assertThat(large.content[3 * PAGE]).isEqualTo((byte) 2);
      assertThat(large.content[3 * PAGE + 1]).isNotEqualTo((byte) 2);
    }
  }

  @Test
  void positions_mayBeAsLargeAsALong() throws IOException {
    long deviceBytes = Long.MAX_VALUE & -SECTOR;
    long base = deviceBytes - 100 * SECTOR;
    Store shifted =
        new Store() {
          @Override
          public void read(MemorySegment to, long position) throws IOException {
            store.read(to, position - base);
          }

          @Override
          public void write(MemorySegment from, long position) throws IOException {
            store.write(from, position - base);
          }
        };
    try (BlockCache cache = new BlockCache(deviceBytes, SECTOR, 5, true, frames, guard)) {
      cache.write(shifted, memory(1, 99 * SECTOR - 1), base + SECTOR + 1);
      byte[] all = new byte[100 * SECTOR];
      cache.read(shifted, MemorySegment.ofArray(all), base);
      assertThat(Arrays.copyOf(all, SECTOR + 1)).isEqualTo(before(0, SECTOR + 1));
      assertThat(Arrays.copyOfRange(all, SECTOR + 1, all.length)).containsOnly(1);
      cache.flush(shifted);
      assertThat(device(0, 100 * SECTOR)).isEqualTo(all);
      assertThat(guard.mayHold(deviceBytes - 1, 1)).isTrue();
      cache.beginDirectWrite(shifted, 0, deviceBytes);
      guard.endWrite(0, deviceBytes);
      assertThat(cache.isEmpty()).isTrue();
      assertThatThrownBy(() -> cache.read(shifted, memory(0, 2), deviceBytes - 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void memoryOfTheCallerThatCannotBeUsed_changesNothing() throws IOException {
    try (BlockCache cache = cache(4)) {
      assertThatThrownBy(() -> cache.read(store, memory(0, 10).asReadOnly(), 0))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(read(cache, 0, PAGE)).isEqualTo(before(0, PAGE));
      cache.write(store, memory(1, 10).asReadOnly(), 0);
      assertThat(read(cache, 0, 10)).containsOnly(1);
    }
  }

  @Test
  void storeThatCallsTheCache_isStopped() throws IOException {
    try (BlockCache cache = cache(4)) {
      store.hook = cache::abandon;
      assertThatThrownBy(() -> read(cache, 0, 1)).isInstanceOf(IllegalStateException.class);
      store.hook = cache::close;
      assertThatThrownBy(() -> read(cache, 0, 1)).isInstanceOf(IllegalStateException.class);
      store.hook = () -> {};
      assertThat(read(cache, 0, 1)).isEqualTo(before(0, 1));
    }
  }

  @Test
  void close_isIdempotentAndFinal() throws IOException {
    BlockCache cache = cache(4);
    write(cache, 1, 0, PAGE);
    cache.close();
    cache.close();
    assertThat(frames.liveBytes()).isZero();
    assertThat(cache.isEmpty()).isTrue();
    assertThat(cache.dirtyPages()).isZero();
    assertThatThrownBy(() -> read(cache, 0, 1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> cache.flush(store)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> cache.resize(store, 1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> cache.lazy(false)).isInstanceOf(IllegalStateException.class);
  }
}
