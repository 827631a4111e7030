package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockCacheSizeTest extends CacheFixture {

  @Test
  void resize_grows() throws IOException {
    try (BlockCache cache = cache(2)) {
      write(cache, 1, 0, 2 * PAGE);
      assertThat(cache.resize(store, 50)).isEqualTo(50);
      assertThat(cache.capacityPages()).isEqualTo(50);
      write(cache, 2, 2 * PAGE, 48 * PAGE);
      assertThat(store.takeLog()).isEmpty();
      assertThat(read(cache, 0, 2 * PAGE)).containsOnly(1);
      assertThat(read(cache, 2 * PAGE, 48 * PAGE)).containsOnly(2);
      write(cache, 3, 60 * PAGE, PAGE);
      assertThat(store.takeLog()).containsExactly("w 0+4096");
    }
  }

  @Test
  void resize_shrinksToThePagesUsedLast() throws IOException {
    try (BlockCache cache = cache(50)) {
      write(cache, 1, 0, 50 * PAGE);
      write(cache, 2, 10 * PAGE, PAGE);
      assertThat(cache.resize(store, 3)).isEqualTo(3);
      assertThat(cache.cachedPages()).isEqualTo(3);
      assertThat(cache.dirtyPages()).isEqualTo(3);
      assertThat(store.takeLog()).hasSize(47).first().isEqualTo("w 0+4096");
      assertThat(read(cache, 10 * PAGE, PAGE)).containsOnly(2);
      assertThat(read(cache, 48 * PAGE, 2 * PAGE)).containsOnly(1);
      assertThat(store.takeLog()).isEmpty();
      assertThat(cache.resize(store, 1)).isEqualTo(1);
      assertThat(store.takeLog()).containsExactly("w 40960+4096", "w 196608+4096");
      assertThat(read(cache, 0, DEVICE)).hasSize(DEVICE).contains(2);
    }
  }

  @Test
  void resize_keepsTheOrderOfUse() throws IOException {
    try (BlockCache cache = cache(6)) {
      write(cache, 1, 0, 6 * PAGE);
      read(cache, PAGE, 2 * PAGE);
      cache.resize(store, 3); // keeps 5, 1 and 2
      store.takeLog();
      read(cache, 8 * PAGE, 512);
      read(cache, 9 * PAGE, 512);
      assertThat(store.takeLog())
          .containsExactly("w 20480+4096", "r 32768+512", "w 4096+4096", "r 36864+512");
    }
  }

  @Test
  void resize_belowWhatCannotBeWritten_keepsThose() throws IOException {
    try (BlockCache cache = cache(50)) {
      write(cache, 1, 0, 50 * PAGE);
      IntStream.of(3, 20, 45).forEach(page -> store.badWrites.add((long) page * PAGE));
      assertThat(cache.resize(store, 1)).isEqualTo(3);
      assertThat(cache.capacityPages()).isEqualTo(3);
      assertThat(cache.dirtyPages()).isEqualTo(3);
      assertThat(cache.writeBackErrors()).isPositive();
      store.badWrites.clear();
      assertThat(cache.resize(store, 1)).isEqualTo(1);
      cache.flush(store);
      assertThat(device(0, 50 * PAGE)).containsOnly(1);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, BlockCache.MAX_PAGES + 1, Integer.MAX_VALUE})
  void size_outOfRange_isRefused(int pages) throws IOException {
    assertThatThrownBy(() -> cache(pages))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("pages=" + pages);
    try (BlockCache cache = cache(1)) {
      assertThatThrownBy(() -> cache.resize(store, pages))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("pages=" + pages);
      assertThat(cache.capacityPages()).isEqualTo(1);
    }
  }

  @Test
  void memory_ofALazyCache_comesWhenNeeded() throws IOException {
    try (BlockCache cache = cache(1000)) {
      assertThat(cache.lazy()).isTrue();
      assertThat(frames.liveBytes()).isZero();
      write(cache, 1, 0, PAGE);
      assertThat(frames.liveBytes()).isEqualTo(256 * PAGE);
      for (int i = 0; i < 100; i++) {
        write(cache, i, (long) i * PAGE, PAGE);
        cache.discard(() -> {}, (long) (i / 2) * PAGE, PAGE);
      }
      assertThat(frames.liveBytes()).isEqualTo(256 * PAGE);
      cache.lazy(false);
      assertThat(cache.lazy()).isFalse();
      assertThat(frames.liveBytes()).isEqualTo(1000 * PAGE + (128 << 10));
      cache.resize(store, 1300);
      assertThat(frames.liveBytes()).isEqualTo(1300 * PAGE + (128 << 10));
      cache.resize(store, 300);
      assertThat(frames.liveBytes()).isEqualTo(512 * PAGE + (128 << 10));
      cache.lazy(true);
      cache.resize(store, 2000);
      assertThat(frames.liveBytes()).isEqualTo(512 * PAGE + (128 << 10));
      assertThat(read(cache, 99 * PAGE, PAGE)).containsOnly(99);
    }
  }

  @Test
  void memory_ofACacheThatIsNotLazy_isThereAtOnce() throws IOException {
    try (BlockCache cache = new BlockCache(DEVICE, SECTOR, 10, false, frames, guard)) {
      assertThat(frames.liveBytes()).isEqualTo(10 * PAGE + (128 << 10));
      frames.limitBytes = frames.liveBytes();
      write(cache, 1, 1, 10 * PAGE);
      cache.flush(store);
      assertThat(device(1, 10 * PAGE)).containsOnly(1);
    }
  }

  @Test
  void memory_thatIsMissing_isAnErrorThatChangesNothing() throws IOException {
    frames.limitBytes = 300 * PAGE + (128 << 10);
    assertThatThrownBy(() -> new BlockCache(DEVICE, SECTOR, 600, false, frames, guard))
        .hasMessage("no memory");
    assertThat(frames.liveBytes()).isZero();
    try (BlockCache cache = cache(600)) {
      assertThatThrownBy(() -> cache.lazy(false)).hasMessage("no memory");
      assertThat(cache.lazy()).isTrue();
      cache.resize(store, 300);
      cache.lazy(false);
      write(cache, 1, 0, PAGE);
      long live = frames.liveBytes();
      assertThatThrownBy(() -> cache.resize(store, 600)).hasMessage("no memory");
      assertThat(cache.capacityPages()).isEqualTo(300);
      assertThat(frames.liveBytes()).isEqualTo(live);
      assertThat(read(cache, 0, PAGE)).containsOnly(1);
    }
    frames.limitBytes = 0;
    try (BlockCache cache = cache(4)) {
      assertThatThrownBy(() -> write(cache, 1, 0, PAGE)).hasMessage("no memory");
      assertThat(cache.isEmpty()).isTrue();
      frames.limitBytes = Long.MAX_VALUE;
      write(cache, 1, 0, PAGE);
      assertThat(cache.dirtyPages()).isEqualTo(1);
    }
  }
}
