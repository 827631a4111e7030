package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Long random sequences of operations against a byte array that has what a reader has to see. */
class BlockCacheRandomTest {

  private static final int PAGE = 4096;
  private static final int OPERATIONS = 20_000;

  private final TestFrames frames = new TestFrames();

  @ParameterizedTest
  @CsvSource({
    "1, 512, 1, true, false",
    "2, 512, 3, false, false",
    "3, 512, 40, true, false",
    "4, 512, 300, false, false",
    "5, 4096, 1, false, false",
    "6, 4096, 20, true, false",
    "7, 512, 1, false, true",
    "8, 512, 5, true, true",
    "9, 512, 40, false, true",
    "10, 4096, 8, true, true",
    "11, 1024, 33, true, true"
  })
  void operations_haveTheResultsOfAnArray(
      long seed, int sectorBytes, int pages, boolean lazy, boolean failures) throws IOException {
    int deviceBytes = 100 * PAGE + (sectorBytes < PAGE ? 3 * sectorBytes : 0);
    MemoryStore store = new MemoryStore(deviceBytes, sectorBytes);
    RangeGuard guard = CacheFixture.newGuard();
    try (BlockCache cache = new BlockCache(deviceBytes, sectorBytes, pages, lazy, frames, guard)) {
      Run run = new Run(seed, cache, guard, store, pages, failures);
      for (int i = 0; i < OPERATIONS; i++) {
        run.step(i);
      }
      run.end();
    }
    assertThat(frames.liveBytes()).isZero();
  }

  /** One sequence. */
  private static final class Run {

    private final long seed;
    private final Random random;
    private final BlockCache cache;
    private final RangeGuard guard;
    private final MemoryStore store;
    private final byte[] model;
    private final int pages;
    private final boolean failures;
    private int operation;
    private int succeeded;
    private int failed;
    private long errors;

    Run(
        long seed,
        BlockCache cache,
        RangeGuard guard,
        MemoryStore store,
        int pages,
        boolean failures) {
      this.seed = seed;
      this.random = new Random(seed);
      this.cache = cache;
      this.guard = guard;
      this.store = store;
      this.model = store.content.clone();
      this.pages = pages;
      this.failures = failures;
    }

    private String where() {
      return "seed %d, operation %d".formatted(seed, operation);
    }

    void step(int number) {
      operation = number;
      store.log.clear();
      if (failures && random.nextInt(20) == 0) {
        chooseFailures();
      }
      int length = length();
      int position = random.nextInt(model.length - length + 1);
      try {
        switch (random.nextInt(20)) {
          case 0, 1, 2, 3 -> read(position, length);
          case 4, 5, 6, 7 -> write(position, length, false);
          case 8, 9 -> write(position, length, true);
          case 10 -> flush(0, model.length);
          case 11 -> flush(position, length);
          case 12, 13, 14 -> writeAround(position, length);
          case 15 -> readAround(position, length);
          case 16 -> readBehindAWrite(position, length);
          case 17 -> discard(position, length);
          case 18 -> mayBeDirty(position, length);
          default -> reshape();
        }
        succeeded++;
      } catch (IOException e) {
        assertThat(failures).as(this::where).isTrue();
        failed++;
      }
      assertThat(cache.cachedPages()).as(this::where).isLessThanOrEqualTo(cache.capacityPages());
      assertThat(cache.dirtyPages()).as(this::where).isLessThanOrEqualTo(cache.cachedPages());
      assertThat(cache.writeBackErrors()).as(this::where).isGreaterThanOrEqualTo(errors);
      errors = cache.writeBackErrors();
    }

    private int length() {
      return switch (random.nextInt(8)) {
        case 0 -> random.nextInt(30 * PAGE);
        case 1 -> 1;
        case 2, 3 -> random.nextInt(4 * PAGE);
        case 4 -> store.sectorBytes;
        default -> random.nextInt(2 * store.sectorBytes);
      };
    }

    private void chooseFailures() {
      store.badReads.clear();
      store.badWrites.clear();
      int sectors = model.length / store.sectorBytes;
      if (random.nextBoolean()) {
        for (int i = random.nextInt(sectors / 2); i > 0; i--) {
          store.badReads.add((long) random.nextInt(sectors) * store.sectorBytes);
        }
        for (int i = random.nextInt(sectors / 2); i > 0; i--) {
          store.badWrites.add((long) random.nextInt(sectors) * store.sectorBytes);
        }
      }
      if (random.nextInt(10) == 0) {
        for (int i = 0; i < sectors; i++) {
          store.badWrites.add((long) i * store.sectorBytes);
        }
      }
    }

    private byte[] cached(int position, int length) throws IOException {
      byte[] bytes = new byte[length];
      cache.read(store, MemorySegment.ofArray(bytes), position);
      return bytes;
    }

    private void assertModel(byte[] bytes, int position) {
      int at = Arrays.mismatch(bytes, Arrays.copyOfRange(model, position, position + bytes.length));
      assertThat(at)
          .as(() -> "%s: mismatch in %d+%d".formatted(where(), position, bytes.length))
          .isEqualTo(-1);
    }

    /** What the device has of all sectors that the range touches is what was written. */
    private void assertDevice(int position, int length) {
      if (length > 0) {
        int from = position / store.sectorBytes * store.sectorBytes;
        int to = ((position + length - 1) / store.sectorBytes + 1) * store.sectorBytes;
        assertModel(Arrays.copyOfRange(store.content, from, to), from);
      }
    }

    private void read(int position, int length) throws IOException {
      assertModel(cached(position, length), position);
    }

    private void write(int position, int length, boolean through) throws IOException {
      byte[] bytes = new byte[length];
      random.nextBytes(bytes);
      byte[] old = Arrays.copyOfRange(model, position, position + length);
      System.arraycopy(bytes, 0, model, position, length);
      try {
        if (through) {
          cache.writeThrough(store, MemorySegment.ofArray(bytes), position);
          assertDevice(position, length);
        } else {
          cache.write(store, MemorySegment.ofArray(bytes), position);
        }
      } catch (IOException e) {
        afterFailedWrite(position, old, e);
        throw e;
      }
    }

    /** A beginning up to some page is new, the rest old; nothing is new if a read failed. */
    private void afterFailedWrite(int position, byte[] old, IOException e) throws IOException {
      store.badReads.clear();
      store.badWrites.clear();
      byte[] is = cached(position, old.length);
      int changed = 0;
      while (changed < is.length && is[changed] == model[position + changed]) {
        changed++;
      }
      if (changed < is.length) {
        // Bytes that are the same by chance may follow the last page that was written.
        changed = Math.max(0, (position + changed) / PAGE * PAGE - position);
      }
      if (String.valueOf(e.getMessage()).startsWith("cannot read")) {
        changed = 0;
      }
      System.arraycopy(old, changed, model, position + changed, old.length - changed);
      assertModel(is, position);
    }

    private void flush(int position, int length) throws IOException {
      if (length == model.length) {
        cache.flush(store);
        assertThat(cache.dirtyPages()).as(this::where).isZero();
      } else {
        cache.flush(store, position, length);
      }
      assertDevice(position, length);
    }

    /** As a direct write does it. */
    private void writeAround(int position, int length) throws IOException {
      int from = position / store.sectorBytes * store.sectorBytes;
      int to = (position + length) / store.sectorBytes * store.sectorBytes;
      if (from >= to) {
        return;
      }
      byte[] bytes = new byte[to - from];
      random.nextBytes(bytes);
      CacheFixture.writeDirectly(
          cache,
          guard,
          store,
          from,
          bytes.length,
          () -> {
            System.arraycopy(bytes, 0, store.content, from, bytes.length);
            System.arraycopy(bytes, 0, model, from, bytes.length);
          });
    }

    /** Reads while a direct write is in flight: the device decides, and nothing stays in the cache. */
    private void readBehindAWrite(int position, int length) throws IOException {
      if (length == 0) {
        return;
      }
      if (!guard.tryBeginWrite(position, length)) {
        cache.beginDirectWrite(store, position, length);
      }
      try {
        assertModel(cached(position, length), position);
        int sector = store.sectorBytes;
        int from = (position + sector - 1) / sector * sector;
        if (from + sector <= position + length) {
          Arrays.fill(store.content, from, from + sector, (byte) operation);
          Arrays.fill(model, from, from + sector, (byte) operation);
        }
        assertModel(cached(position, length), position);
      } finally {
        guard.endWrite(position, length);
      }
      assertModel(cached(position, length), position);
    }

    private void readAround(int position, int length) throws IOException {
      if (cache.mayBeDirty(position, length)) {
        cache.flush(store, position, length);
      }
      assertModel(Arrays.copyOfRange(store.content, position, position + length), position);
    }

    private void discard(int position, int length) throws IOException {
      int from = position / store.sectorBytes * store.sectorBytes;
      int to = (position + length) / store.sectorBytes * store.sectorBytes;
      if (from < to) {
        cache.discard(() -> Arrays.fill(store.content, from, to, (byte) 0), from, to - from);
        Arrays.fill(model, from, to, (byte) 0);
      }
    }

    private void mayBeDirty(int position, int length) {
      if (!cache.mayBeDirty(position, length)) {
        assertDevice(position, length);
      }
      if (cache.isEmpty()) {
        assertDevice(0, model.length);
      }
    }

    private void reshape() throws IOException {
      if (random.nextInt(4) == 0) {
        cache.lazy(random.nextBoolean());
      } else if (random.nextInt(4) == 0) {
        int wanted = 1 + random.nextInt(2 * pages);
        int result = cache.resize(store, wanted);
        assertThat(result).as(this::where).isEqualTo(cache.capacityPages());
        assertThat(result).as(this::where).isGreaterThanOrEqualTo(wanted);
        if (!failures) {
          assertThat(result).as(this::where).isEqualTo(wanted);
        }
      }
    }

    void end() throws IOException {
      store.badReads.clear();
      store.badWrites.clear();
      assertThat(succeeded).as(this::where).isGreaterThan(OPERATIONS / 2);
      assertThat(failed > 100).as(this::where).isEqualTo(failures);
      read(0, model.length);
      flush(0, model.length);
      read(0, model.length);
    }
  }
}
