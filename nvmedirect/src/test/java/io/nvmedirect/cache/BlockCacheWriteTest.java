package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockCacheWriteTest extends CacheFixture {

  @Test
  void write_ofWholeSectors_readsNothing() throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 1, 512, 2 * PAGE);
      assertThat(store.takeLog()).isEmpty();
      assertThat(cache.dirtyPages()).isEqualTo(3);
      assertThat(device(0, 3 * PAGE)).isEqualTo(before(0, 3 * PAGE));
      assertThat(read(cache, 512, 2 * PAGE)).containsOnly(1);
      assertThat(store.takeLog()).isEmpty();
    }
  }

  @Test
  void write_ofPartialSectors_readsThoseOnly() throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 1, 700, PAGE);
      assertThat(store.takeLog()).containsExactly("r 512+512", "r 4608+512");
      write(cache, 2, 600, PAGE); // within sectors that are cached
      assertThat(store.takeLog()).isEmpty();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 512+4608");
      assertThat(device(0, 600)).isEqualTo(before(0, 600));
      assertThat(device(600, PAGE)).containsOnly(2);
      assertThat(device(600 + PAGE, 100)).containsOnly(1);
      assertThat(device(700 + PAGE, 1000)).isEqualTo(before(700 + PAGE, 1000));
    }
  }

  @Test
  void write_withinOneSector_readsItOnce() throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 1, 100, 5);
      write(cache, 2, 1024, 5);
      write(cache, 3, 2047, 1);
      write(cache, 4, 2559, 2);
      assertThat(store.takeLog())
          .containsExactly("r 0+512", "r 1024+512", "r 1536+512", "r 2048+512", "r 2560+512");
      assertThat(read(cache, 99, 7)[0]).isEqualTo(original[99]);
      assertThat(read(cache, 100, 5)).containsOnly(1);
      assertThat(read(cache, 105, 407)).isEqualTo(before(105, 407));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {512, 4608})
  void write_whosePartialSectorCannotBeRead_changesNothing(long bad) throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 9, 1024, 512);
      store.badReads.add(bad);
      assertThatThrownBy(() -> write(cache, 1, 700, PAGE)).hasMessage("cannot read " + bad);
      store.badReads.clear();
      assertThat(cache.dirtyPages()).isEqualTo(1);
      cache.flush(store);
      assertThat(device(1024, 512)).containsOnly(9);
      assertThat(device(0, 1024)).isEqualTo(before(0, 1024));
      assertThat(read(cache, 1536, 2 * PAGE)).isEqualTo(before(1536, 2 * PAGE));
    }
  }

  @Test
  void write_whoseTailIsEvictedMeanwhile_keepsItsOtherBytes() throws IOException {
    try (BlockCache cache = cache(1)) {
      write(cache, 5, 2 * PAGE, 512);
      write(cache, 1, 100, 2 * PAGE);
      assertThat(read(cache, 100, 2 * PAGE)).containsOnly(1);
      assertThat(read(cache, 2 * PAGE + 100, 412)).containsOnly(5);
      assertThat(read(cache, 0, 100)).isEqualTo(before(0, 100));
      assertThat(read(cache, 2 * PAGE + 512, 100)).isEqualTo(before(2 * PAGE + 512, 100));
    }
  }

  @Test
  void writeThrough_isOnTheDeviceAndClean() throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 7, 5 * 512, 512);
      cache.writeThrough(store, memory(1, 1000), 100);
      assertThat(store.takeLog()).containsExactly("r 0+512", "r 1024+512", "w 0+1536");
      assertThat(device(100, 1000)).containsOnly(1);
      assertThat(device(5 * 512, 512)).isEqualTo(before(5 * 512, 512));
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 2560+512");
    }
  }

  @Test
  void writeThrough_thatFails_leavesTheSectorsDirty() throws IOException {
    try (BlockCache cache = cache(4)) {
      store.badWrites.add((long) PAGE);
      assertThatThrownBy(() -> cache.writeThrough(store, memory(1, 3 * PAGE), 0))
          .hasMessage("cannot write 4096");
      assertThat(device(0, PAGE)).containsOnly(1);
      assertThat(device(2 * PAGE, PAGE)).containsOnly(1);
      assertThat(cache.dirtyPages()).isEqualTo(1);
      assertThat(read(cache, PAGE, PAGE)).containsOnly(1);
      assertThat(cache.writeBackErrors()).isZero();
      store.badWrites.clear();
      cache.flush(store);
      assertThat(device(PAGE, PAGE)).containsOnly(1);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7})
  void transfersLargerThanTheCache_streamThrough(int pages) throws IOException {
    try (BlockCache cache = cache(pages)) {
      assertThat(read(cache, 0, DEVICE)).isEqualTo(original);
      write(cache, 1, 3, 60 * PAGE);
      assertThat(cache.cachedPages()).isEqualTo(pages);
      assertThat(read(cache, 3, 60 * PAGE)).containsOnly(1);
      cache.writeThrough(store, memory(2, 50 * PAGE), 1000);
      assertThat(device(1000, 50 * PAGE)).containsOnly(2);
      cache.flush(store);
      assertThat(device(3, 997)).containsOnly(1);
      assertThat(device(1000 + 50 * PAGE, 10 * PAGE - 997)).containsOnly(1);
      assertThat(device(60 * PAGE + 3, 40 * PAGE)).isEqualTo(before(60 * PAGE + 3, 40 * PAGE));
      assertThat(device(0, 3)).isEqualTo(before(0, 3));
    }
  }
}
