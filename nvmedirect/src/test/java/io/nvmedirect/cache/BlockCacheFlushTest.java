package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.concurrent.Clock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
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
  void directWrite_forgetsTheSectorsTouched_andWritesThoseThatAreDirty() throws IOException {
    try (BlockCache cache = cache(8)) {
      read(cache, 0, 2 * PAGE);
      write(cache, 1, 1024, 512);
      store.takeLog();
      touchDirectly(cache, 512, 512);
      assertThat(store.takeLog()).isEmpty();
      touchDirectly(cache, 1024, 1024);
      assertThat(store.takeLog()).containsExactly("w 1024+512");
      Arrays.fill(store.content, 512, 2048, (byte) 9);
      byte[] page = read(cache, 0, PAGE);
      assertThat(store.takeLog()).containsExactly("r 512+1536");
      assertThat(Arrays.copyOfRange(page, 512, 2048)).containsOnly(9);
      touchDirectly(cache, PAGE + 511, 2);
      read(cache, PAGE, PAGE);
      assertThat(store.takeLog()).containsExactly("r 4096+1024");
      touchDirectly(cache, 0, DEVICE);
      assertThat(cache.isEmpty()).isTrue();
    }
  }

  @Test
  void directWrite_overSectorsThatCannotBeWritten_isRefused_andLosesNothing() throws IOException {
    try (BlockCache cache = cache(8)) {
      write(cache, 1, 0, PAGE);
      store.badWrites.add(512L);
      assertThatThrownBy(() -> touchDirectly(cache, 0, PAGE)).hasMessageContaining("cannot write");
      assertThat(guard.isWrittenDirectly(0, 0)).isFalse();
      assertThat(read(cache, 0, PAGE)).containsOnly(1);
      store.badWrites.clear();
      touchDirectly(cache, 0, PAGE);
      assertThat(device(0, PAGE)).containsOnly(1);
    }
  }

  @Test
  void discard_forgetsDirtySectorsToo() throws IOException {
    try (BlockCache cache = cache(8)) {
      write(cache, 1, 0, 3 * PAGE);
      cache.discard(() -> {}, 512, 2 * PAGE);
      assertThat(cache.cachedPages()).isEqualTo(2);
      assertThat(read(cache, 512, 2 * PAGE)).isEqualTo(before(512, 2 * PAGE));
      store.takeLog();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 0+512", "w 8704+3584");
      cache.discard(() -> {}, 0, DEVICE);
      assertThat(cache.isEmpty()).isTrue();
      assertThat(cache.dirtyPages()).isZero();
    }
  }

  @Test
  void discard_thatFails_losesNothing() throws IOException {
    try (BlockCache cache = cache(8)) {
      write(cache, 1, 0, PAGE);
      assertThatThrownBy(() ->
              cache.discard(
                  () -> {
                    throw new IOException("refused");
                  },
                  0,
                  PAGE))
          .hasMessage("refused");
      assertThat(cache.dirtyPages()).isEqualTo(1);
      assertThat(read(cache, 0, PAGE)).containsOnly(1);
    }
  }

  @Test
  void discard_ofPartialSectors_isRefused() throws IOException {
    try (BlockCache cache = cache(8)) {
      write(cache, 1, 0, PAGE);
      assertThatThrownBy(() -> cache.discard(() -> {}, 100, 512))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("position=100, lengthBytes=512, sectorBytes=512");
      assertThatThrownBy(() -> cache.discard(() -> {}, 0, 100))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(cache.dirtyPages()).isEqualTo(1);
    }
  }

  @Test
  void pagesThatAreCached_areHeld() throws IOException {
    try (BlockCache cache = cache(8)) {
      assertThat(guard.mayHold(0, DEVICE)).isFalse();
      read(cache, 50 * PAGE + 5, 1);
      assertThat(guard.mayHold(50 * PAGE, 1)).isTrue();
      assertThat(guard.mayHold(49 * PAGE, 3 * PAGE)).isTrue();
      assertThat(guard.mayHold(0, DEVICE)).isTrue();
      assertThat(guard.mayHold(0, PAGE)).isFalse();
      read(cache, 90 * PAGE, 1);
      touchDirectly(cache, 50 * PAGE, PAGE);
      assertThat(guard.mayHold(50 * PAGE, PAGE)).isFalse();
      assertThat(guard.mayHold(90 * PAGE, 1)).isTrue();
    }
    assertThat(guard.mayHold(0, DEVICE)).isFalse();
  }

  @Test
  void whileADirectWriteIsInFlight_theCacheKeepsNothingOfIt() throws IOException {
    try (BlockCache cache = cache(40)) {
      assertThat(guard.tryBeginWrite(0, PAGE)).isTrue();
      assertThat(read(cache, 0, PAGE)).isEqualTo(before(0, PAGE));
      assertThat(read(cache, 100, 3 * PAGE)).isEqualTo(before(100, 3 * PAGE));
      assertThat(cache.isEmpty()).isTrue();
      store.takeLog();
      write(cache, 1, 0, 2 * PAGE);
      assertThat(store.takeLog()).containsExactly("w 0+8192");
      cache.writeThrough(store, new MemorySegment[] {memory(2, 512), memory(2, 512)}, 1024, 512);
      assertThat(cache.isEmpty()).isTrue();
      write(cache, 3, 50 * PAGE, PAGE);
      assertThat(cache.dirtyPages()).as("elsewhere").isEqualTo(1);
      guard.endWrite(0, PAGE);
      assertThat(read(cache, 0, 2048)).isEqualTo(device(0, 2048)).containsOnly(1, 2);
      assertThat(cache.cachedPages()).isEqualTo(2);
    }
  }

  @Test
  void aPartOfASector_isWrittenWhenNoDirectWriteIsInFlight() throws Exception {
    try (BlockCache cache = cache(8);
        ExecutorService threads = Executors.newFixedThreadPool(1)) {
      assertThat(guard.tryBeginWrite(0, SECTOR)).isTrue();
      Future<?> part =
          threads.submit(() -> {
            write(cache, 1, 0, 100);
            return null;
          });
      while (!guard.mayHold(0, SECTOR)) {
        Thread.onSpinWait();
      }
      // The sector is read after this.
      Arrays.fill(store.content, 0, SECTOR, (byte) 9);
      guard.endWrite(0, SECTOR);
      part.get(60, TimeUnit.SECONDS);
      assertThat(read(cache, 0, 100)).containsOnly(1);
      assertThat(read(cache, 100, SECTOR - 100)).containsOnly(9);
    }
  }

  @Test
  void aDirectWriteThatNobodyReaps_isAnError_andNotAHang() throws IOException {
    RangeGuard impatient = new RangeGuard(CacheFixture.REAPS_NOTHING, Clock.SYSTEM, 1_000_000);
    try (BlockCache cache = new BlockCache(DEVICE, SECTOR, 8, true, frames, impatient)) {
      assertThat(impatient.tryBeginWrite(0, SECTOR)).isTrue();
      assertThatThrownBy(() -> write(cache, 1, 0, 100))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("position=0, length=100");
      impatient.endWrite(0, SECTOR);
      write(cache, 1, 0, 100);
      assertThat(read(cache, 0, 100)).containsOnly(1);
    }
  }
}
