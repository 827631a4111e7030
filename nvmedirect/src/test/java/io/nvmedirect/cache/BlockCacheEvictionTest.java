package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class BlockCacheEvictionTest extends CacheFixture {

  @Test
  void eviction_takesThePageUsedLongestAgo() throws IOException {
    try (BlockCache cache = cache(3)) {
      read(cache, 0, PAGE);
      read(cache, PAGE, PAGE);
      write(cache, 2, 2 * PAGE, PAGE);
      read(cache, 0, 1);
      write(cache, 1, PAGE, 1);
      store.takeLog();
      read(cache, 3 * PAGE, PAGE); // evicts 2, which is dirty
      assertThat(store.takeLog()).containsExactly("w 8192+4096", "r 12288+4096");
      read(cache, 4 * PAGE, PAGE); // evicts 0, which is clean
      assertThat(store.takeLog()).containsExactly("r 16384+4096");
      read(cache, 5 * PAGE, PAGE); // evicts 1, of which a sector is dirty
      assertThat(store.takeLog()).containsExactly("w 4096+512", "r 20480+4096");
      assertThat(cache.cachedPages()).isEqualTo(3);
      assertThat(cache.dirtyPages()).isZero();
      assertThat(device(2 * PAGE, PAGE)).containsOnly(2);
    }
  }

  @Test
  void eviction_writesDirtySectorsOnly() throws IOException {
    try (BlockCache cache = cache(1)) {
      read(cache, 0, PAGE);
      write(cache, 1, 512, 512);
      write(cache, 2, 1024, 512);
      write(cache, 3, 2560, 100);
      Arrays.fill(store.content, 0, 512, (byte) 77); // a direct write of the neighbour
      store.takeLog();
      read(cache, PAGE, 512);
      assertThat(store.takeLog()).containsExactly("w 512+1024", "w 2560+512", "r 4096+512");
      assertThat(device(0, 512)).containsOnly(77);
      assertThat(device(2660, 412)).isEqualTo(before(2660, 412));
    }
  }

  @Test
  void evictionThatFails_keepsThePageAndTakesAnother() throws IOException {
    try (BlockCache cache = cache(3)) {
      write(cache, 1, 0, 512);
      write(cache, 2, PAGE, 512);
      write(cache, 3, 2 * PAGE, 512);
      store.badWrites.add(0L);
      write(cache, 4, 3 * PAGE, 512);
      assertThat(store.takeLog()).containsExactly("w 0+512", "w 4096+512");
      assertThat(cache.writeBackErrors()).isEqualTo(1);
      read(cache, 4 * PAGE, 512); // the failed page is not tried again at once
      assertThat(store.takeLog()).containsExactly("w 8192+512", "r 16384+512");
      assertThat(read(cache, 0, 512)).containsOnly(1);
      assertThat(cache.dirtyPages()).isEqualTo(2);
      store.badWrites.clear();
      cache.flush(store);
      assertThat(device(0, 512)).containsOnly(1);
      assertThat(cache.writeBackErrors()).isEqualTo(1);
    }
  }

  @Test
  void evictionThatCannotFreeAny_failsAndLosesNothing() throws IOException {
    try (BlockCache cache = cache(2)) {
      write(cache, 1, 0, 512);
      write(cache, 2, PAGE, 512);
      store.badWrites.add(0L);
      store.badWrites.add((long) PAGE);
      assertThatThrownBy(() -> write(cache, 3, 2 * PAGE, 512))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("no page of the cache can be freed")
          .hasMessageContaining("cachedPages=2")
          .cause()
          .hasMessage("cannot write 0")
          .hasSuppressedException(new IOException("cannot write 4096"));
      assertThatThrownBy(() -> read(cache, 2 * PAGE, 512)).isInstanceOf(IOException.class);
      assertThat(cache.writeBackErrors()).isEqualTo(4);
      assertThat(read(cache, 0, 512)).containsOnly(1);
      assertThat(read(cache, PAGE, 512)).containsOnly(2);
      store.badWrites.clear();
      assertThat(read(cache, 2 * PAGE, 512)).isEqualTo(before(2 * PAGE, 512));
      cache.flush(store);
      assertThat(device(0, 512)).containsOnly(1);
      assertThat(device(PAGE, 512)).containsOnly(2);
    }
  }

  @Test
  void evictionThatFailsWithinAPage_keepsWhatIsNotWrittenDirty() throws IOException {
    try (BlockCache cache = cache(1)) {
      write(cache, 1, 0, 512);
      write(cache, 2, 1024, 512);
      store.badWrites.add(1024L);
      assertThatThrownBy(() -> read(cache, PAGE, 512)).isInstanceOf(IOException.class);
      store.badWrites.clear();
      store.takeLog();
      cache.flush(store);
      assertThat(store.takeLog()).containsExactly("w 1024+512");
    }
  }

  @Test
  void storeThatFailsOtherwise_losesNothing() throws IOException {
    try (BlockCache cache = cache(2)) {
      write(cache, 1, 0, 2 * PAGE);
      store.hook =
          () -> {
            throw new IllegalStateException("the queue is closed");
          };
      assertThatThrownBy(() -> read(cache, 5 * PAGE, 1)).hasMessage("the queue is closed");
      assertThatThrownBy(() -> cache.flush(store)).hasMessage("the queue is closed");
      store.hook = () -> {};
      cache.flush(store);
      assertThat(device(0, 2 * PAGE)).containsOnly(1);
    }
  }
}
