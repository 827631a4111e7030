package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BlockCacheReadTest extends CacheFixture {

  @Test
  void read_ofAMissThenAHit_readsTheDeviceOnce() throws IOException {
    try (BlockCache cache = cache(4)) {
      assertThat(cache.isEmpty()).isTrue();
      assertThat(read(cache, PAGE, PAGE)).isEqualTo(before(PAGE, PAGE));
      assertThat(read(cache, PAGE, PAGE)).isEqualTo(before(PAGE, PAGE));
      assertThat(store.takeLog()).containsExactly("r 4096+4096");
      assertThat(cache.hits()).isEqualTo(1);
      assertThat(cache.misses()).isEqualTo(1);
      assertThat(cache.cachedPages()).isEqualTo(1);
      assertThat(cache.dirtyPages()).isZero();
      assertThat(cache.isEmpty()).isFalse();
    }
  }

  @Test
  void read_ofPartOfASector_fillsThatSectorOnly() throws IOException {
    try (BlockCache cache = cache(4)) {
      assertThat(read(cache, PAGE + 700, 10)).isEqualTo(before(PAGE + 700, 10));
      assertThat(store.takeLog()).containsExactly("r 4608+512");
      assertThat(read(cache, PAGE + 1, PAGE - 2)).isEqualTo(before(PAGE + 1, PAGE - 2));
      assertThat(store.takeLog()).containsExactly("r 4096+512", "r 5120+3072");
    }
  }

  @Test
  void read_overSeveralPages_readsAbsentOnesAtOnce() throws IOException {
    try (BlockCache cache = cache(10)) {
      assertThat(read(cache, 700, 3 * PAGE)).isEqualTo(before(700, 3 * PAGE));
      assertThat(store.takeLog()).containsExactly("r 512+12800");
      assertThat(read(cache, 512, 12800)).isEqualTo(before(512, 12800));
      assertThat(store.takeLog()).isEmpty();
      assertThat(cache.hits()).isEqualTo(4);
      assertThat(cache.misses()).isEqualTo(4);
    }
  }

  @Test
  void read_aroundACachedPage_leavesThatOut() throws IOException {
    try (BlockCache cache = cache(10)) {
      write(cache, 1, 2 * PAGE, PAGE);
      byte[] all = read(cache, 0, 5 * PAGE);
      assertThat(store.takeLog()).containsExactly("r 0+8192", "r 12288+8192");
      assertThat(Arrays.copyOfRange(all, 2 * PAGE, 3 * PAGE)).containsOnly(1);
      assertThat(Arrays.copyOf(all, 2 * PAGE)).isEqualTo(before(0, 2 * PAGE));
    }
  }

  @Test
  void read_ofAPartialLastPage_endsWithTheDevice() throws IOException {
    try (BlockCache cache = cache(4)) {
      assertThat(read(cache, 99 * PAGE, PAGE + 3 * SECTOR))
          .isEqualTo(before(99 * PAGE, PAGE + 3 * SECTOR));
      assertThat(store.takeLog()).containsExactly("r 405504+5632");
      write(cache, 9, DEVICE - 1, 1);
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w %d+512".formatted(DEVICE - 512));
      assertThat(store.content[DEVICE - 1]).isEqualTo((byte) 9);
      assertThatThrownBy(() -> read(cache, DEVICE - 1, 2))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("position=%d, lengthBytes=2, deviceBytes=%d", DEVICE - 1, DEVICE);
    }
  }

  @Test
  void read_thatFails_cachesNothingOfIt() throws IOException {
    try (BlockCache cache = cache(4)) {
      store.badReads.add(512L);
      assertThatThrownBy(() -> read(cache, 0, PAGE)).hasMessage("cannot read 512");
      assertThatThrownBy(() -> read(cache, 0, 3 * PAGE)).hasMessage("cannot read 512");
      assertThat(cache.isEmpty()).isTrue();
      assertThat(read(cache, 0, 512)).isEqualTo(before(0, 512));
      assertThatThrownBy(() -> read(cache, 0, PAGE)).isInstanceOf(IOException.class);
      store.badReads.clear();
      assertThat(read(cache, 0, PAGE)).isEqualTo(before(0, PAGE));
    }
  }

  @Test
  void transferOfNothing_doesNothing() throws IOException {
    try (BlockCache cache = cache(4)) {
      assertThat(read(cache, DEVICE, 0)).isEmpty();
      write(cache, 1, DEVICE, 0);
      cache.writeThrough(store, memory(1, 0), 5);
      cache.flush(store, DEVICE, 0);
      cache.discard(() -> {}, 0, 0);
      assertThat(guard.mayHold(0, 0)).isFalse();
      assertThat(store.takeLog()).isEmpty();
      assertThat(cache.isEmpty()).isTrue();
    }
  }
}
