package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BlockCacheFlushTest extends CacheFixture {

  @Test
  void flush_writesAscendingAndAdjacentSectorsAtOnce() throws IOException {
    try (BlockCache cache = cache(20)) {
      write(cache, 1, 9 * PAGE, PAGE);
      write(cache, 2, 2 * PAGE, 512);
      write(cache, 3, PAGE + 3584, 512);
      write(cache, 4, 8 * PAGE + 512, PAGE - 512);
      write(cache, 5, 8 * PAGE, 256); // partial: reads the sector
      read(cache, 10 * PAGE, PAGE); // clean
      store.takeLog();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 7680+1024", "w 32768+8192");
      assertThat(cache.dirtyPages()).isZero();
      assertThat(cache.cachedPages()).isEqualTo(5);
      cache.flush(store);
      assertThat(store.takeLog()).isEmpty();
      assertThat(device(2 * PAGE, 512)).containsOnly(2);
      assertThat(device(PAGE + 3584, 512)).containsOnly(3);
    }
  }

  @Test
  void flush_ofMuch_writes128KiBAtATime() throws IOException {
    try (BlockCache cache = cache(100)) {
      write(cache, 1, 512, 80 * PAGE);
      cache.flush(store);
      assertThat(store.takeLog())
          .containsExactly("w 512+130560", "w 131072+131072", "w 262144+66048");
      assertThat(device(512, 80 * PAGE)).containsOnly(1);
    }
  }

  @Test
  void flush_ofARange_writesTheSectorsItTouches() throws IOException {
    try (BlockCache cache = cache(100)) {
      write(cache, 1, 0, 50 * PAGE);
      cache.flush(store, 3 * PAGE + 513, PAGE);
      assertThat(store.takeLog()).containsExactly("w 12800+4608");
      cache.flush(store, 49 * PAGE, 51 * PAGE);
      assertThat(store.takeLog()).containsExactly("w 200704+4096");
    }
  }

  @Test
  void flush_continuesAfterErrorsAndKeepsWhatFailed() throws IOException {
    try (BlockCache cache = cache(100)) {
      write(cache, 1, 0, 4 * PAGE);
      write(cache, 2, 10 * PAGE, PAGE);
      write(cache, 3, 20 * PAGE, PAGE);
      store.badWrites.add((long) PAGE);
      store.badWrites.add(10L * PAGE);
      assertThatThrownBy(() -> cache.flush(store))
          .hasMessage("cannot write 4096")
          .hasSuppressedException(new IOException("cannot write 40960"));
      assertThat(cache.dirtyPages()).isEqualTo(2);
      assertThat(device(0, PAGE)).containsOnly(1);
      assertThat(device(2 * PAGE, 2 * PAGE)).containsOnly(1);
      assertThat(device(20 * PAGE, PAGE)).containsOnly(3);
      assertThat(cache.writeBackErrors()).isZero();
      store.badWrites.clear();
      store.takeLog();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 4096+4096", "w 40960+4096");
    }
  }

  @Test
  void flush_withTheSameErrorTwice_throwsIt() throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 1, 0, 512);
      write(cache, 1, PAGE, 512);
      IOException error = new IOException("gone");
      Store gone =
          new Store() {
            @Override
            public void read(MemorySegment to, long position) throws IOException {
              throw error;
            }

            @Override
            public void write(MemorySegment from, long position) throws IOException {
              throw error;
            }
          };
      assertThatThrownBy(() -> cache.flush(gone)).isSameAs(error);
      assertThat(cache.dirtyPages()).isEqualTo(2);
    }
  }

  @Test
  void flush_withoutStagingMemory_writesPageByPage() throws IOException {
    try (BlockCache cache = cache(4)) {
      write(cache, 1, 0, 2 * PAGE);
      frames.limitBytes = frames.liveBytes();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 0+4096", "w 4096+4096");
    }
  }

  @Test
  void invalidate_dropsCleanSectorsTouched() throws IOException {
    try (BlockCache cache = cache(8)) {
      read(cache, 0, 2 * PAGE);
      write(cache, 1, 1024, 512);
      Arrays.fill(store.content, 512, 2048, (byte) 9);
      cache.invalidate(512, 1536);
      store.takeLog();
      byte[] page = read(cache, 0, PAGE);
      assertThat(store.takeLog()).containsExactly("r 512+512", "r 1536+512");
      assertThat(Arrays.copyOfRange(page, 512, 1024)).containsOnly(9);
      assertThat(Arrays.copyOfRange(page, 1024, 1536)).containsOnly(1);
      assertThat(Arrays.copyOfRange(page, 1536, 2048)).containsOnly(9);
      cache.invalidate(PAGE + 511, 2);
      read(cache, PAGE, PAGE);
      assertThat(store.takeLog()).containsExactly("r 4096+1024");
      cache.invalidate(0, DEVICE);
      assertThat(cache.cachedPages()).isEqualTo(1);
      cache.flush(store);
      cache.invalidate(0, DEVICE);
      assertThat(cache.isEmpty()).isTrue();
    }
  }

  @Test
  void drop_forgetsDirtySectorsToo() throws IOException {
    try (BlockCache cache = cache(8)) {
      write(cache, 1, 0, 3 * PAGE);
      cache.drop(512, 2 * PAGE);
      assertThat(cache.cachedPages()).isEqualTo(2);
      assertThat(read(cache, 512, 2 * PAGE)).isEqualTo(before(512, 2 * PAGE));
      store.takeLog();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 0+512", "w 8704+3584");
      cache.drop(0, DEVICE);
      assertThat(cache.isEmpty()).isTrue();
      assertThat(cache.dirtyPages()).isZero();
    }
  }

  @Test
  void drop_ofPartialSectors_isRefused() throws IOException {
    try (BlockCache cache = cache(8)) {
      write(cache, 1, 0, PAGE);
      assertThatThrownBy(() -> cache.drop(100, 512))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("position=100, lengthBytes=512, sectorBytes=512");
      assertThatThrownBy(() -> cache.drop(0, 100)).isInstanceOf(IllegalArgumentException.class);
      assertThat(cache.dirtyPages()).isEqualTo(1);
    }
  }

  @Test
  void mayContain_isNeverWronglyNo() throws IOException {
    try (BlockCache cache = cache(8)) {
      assertThat(cache.mayContain(0, DEVICE)).isFalse();
      read(cache, 50 * PAGE + 5, 1);
      assertThat(cache.mayContain(50 * PAGE, 1)).isTrue();
      assertThat(cache.mayContain(49 * PAGE, 3 * PAGE)).isTrue();
      assertThat(cache.mayContain(0, DEVICE)).isTrue();
      assertThat(cache.mayContain(0, PAGE)).isFalse();
      read(cache, 90 * PAGE, 1);
      cache.invalidate(50 * PAGE, PAGE);
      assertThat(cache.mayContain(50 * PAGE, PAGE)).isFalse();
      assertThat(cache.mayContain(90 * PAGE, 1)).isTrue();
    }
  }
}
