package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.junit.jupiter.api.Assumptions.abort;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Each engine moves the bytes that a plain file has. */
@Timeout(300)
final class EnginesTest {

  private static final int BLOCK = 4096;
  private static final int BLOCKS = 64;

  /** Notes which slots have ended. */
  private static final class Ends implements BlockIo.Listener {
    private final List<Integer> slots = new ArrayList<>();
    private final List<IOException> failures = new ArrayList<>();

    @Override
    public void completed(int slot) {
      slots.add(slot);
    }

    @Override
    public void failed(int slot, IOException reason) {
      failures.add(reason);
    }

    void await(BlockIo io, int count) throws IOException {
      while (slots.size() + failures.size() < count) {
        io.poll(1_000_000);
      }
      assertThat(failures).isEmpty();
    }
  }

  @TempDir Path directory;
  private final Ends ends = new Ends();

  private Path file(byte[] content) throws IOException {
    return Files.write(directory.resolve("engine.img"), content);
  }

  private static byte[] noise(long seed) {
    byte[] bytes = new byte[BLOCKS * BLOCK];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static Job job(Engine engine, boolean direct, Path file) {
    return Jobs.of(
        "rw=randrw",
        "iodepth=4",
        "ioengine=" + engine,
        "direct=" + (direct ? 1 : 0),
        "filename=" + (engine == Engine.NVMED ? "file:" + file : file));
  }

  private interface Use {
    void with(BlockIo io) throws IOException;
  }

  /** Opens an engine with the slots that it can have, or skips the test where the kernel has no io_uring. */
  private void use(Engine engine, boolean direct, Path file, Use use) throws IOException {
    Job job = job(engine, direct, file);
    try (NvmeDevice device =
        engine == Engine.NVMED ? NvmeDevice.open(job.target().address()) : null) {
      Region region =
          Region.open(
              job,
              (address, writes) -> {
                if (device == null) {
                  throw new IOException("no device");
                }
                return device;
              });
      try (BlockIo io = open(region, job)) {
        use.with(io);
      }
    }
  }

  private BlockIo open(Region region, Job job) throws IOException {
    try {
      return region.io(job, job.target().engine().asynchronous ? 4 : 1, ends);
    } catch (IOException e) {
      if (job.target().engine() == Engine.IOURING) {
        return abort("the kernel refuses io_uring: " + e.getMessage());
      }
      throw e;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NVMED, false",
    "FILECHANNEL, false",
    "FILECHANNEL, true",
    "ASYNCFILECHANNEL, false",
    "ASYNCFILECHANNEL, true",
    "MMAP, false",
    "IOURING, false",
    "IOURING, true"
  })
  void engine_readsAndWritesTheFile(Engine engine, boolean direct) throws IOException {
    byte[] before = noise(1);
    byte[] after = noise(2);
    Path file = file(before);
    int slots = engine.asynchronous ? 4 : 1;
    use(
        engine,
        direct,
        file,
        io -> {
          for (int first = 0; first < BLOCKS; first += slots) {
            ends.slots.clear();
            for (int slot = 0; slot < slots; slot++) {
              assertThat(io.read(slot, BLOCK, (long) (first + slot) * BLOCK)).isTrue();
            }
            ends.await(io, slots);
            assertThat(ends.slots).doesNotHaveDuplicates();
            for (int slot = 0; slot < slots; slot++) {
              int position = (first + slot) * BLOCK;
              assertThat(io.buffer(slot).asSlice(0, BLOCK).mismatch(part(before, position)))
                  .as("block %d", first + slot)
                  .isEqualTo(-1);
              io.buffer(slot).copyFrom(part(after, position));
              assertThat(io.write(slot, BLOCK, position)).isTrue();
            }
            ends.await(io, 2 * slots);
          }
          ends.slots.clear();
          assertThat(io.flush(0)).isTrue();
          ends.await(io, 1);
        });
    assertThat(Files.readAllBytes(file)).isEqualTo(after);
  }

  private static MemorySegment part(byte[] bytes, int position) {
    return MemorySegment.ofArray(Arrays.copyOfRange(bytes, position, position + BLOCK));
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NVMED")
  void region_fileTooSmall_fails(Engine engine) throws IOException {
    Path file = Files.write(directory.resolve("small.img"), new byte[1000]);
    assertThatIOException()
        .isThrownBy(() -> use(engine, false, file, io -> {}))
        .withMessageContaining("small.img is too small: it has 1000 bytes")
        .withMessageContaining("bs=4096");
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NVMED")
  void region_noFile_fails(Engine engine) {
    assertThatIOException()
        .isThrownBy(() -> use(engine, false, directory.resolve("none.img"), io -> {}))
        .withMessageContaining("none.img: no such file; with size=N it is made");
  }

  @Test
  void region_fileTruncatedMeanwhile_failsTheIo() throws IOException {
    Path file = file(noise(1));
    use(
        Engine.FILECHANNEL,
        false,
        file,
        io -> {
          Files.write(file, new byte[100]);
          io.read(0, BLOCK, 0);
          io.poll(0);
          assertThat(ends.failures)
              .singleElement()
              .satisfies(e ->
                  assertThat(e).hasMessage("100 of 4096 bytes were transferred at position 0"));
        });
  }

  @Test
  void open_missingWithSize_makesItWithoutZeroes() throws IOException {
    Path file = directory.resolve("new.img");
    assertThat(BlockFile.open(file, 3_000_000, false, false).sizeBytes()).isEqualTo(3_000_000);
    byte[] bytes = Files.readAllBytes(file);
    assertThat(bytes).hasSize(3_000_000);
    int zeroes = 0;
    for (byte b : bytes) {
      zeroes += b == 0 ? 1 : 0;
    }
    assertThat(zeroes).isLessThan(bytes.length / 100);
  }

  private static List<Result> run(Job job) throws IOException {
    return new Run(
            (address, writes) -> {
              throw new IOException(address);
            },
            () -> false,
            (names, elapsedNs, totalNs, operations, measuredNs) -> {})
        .run(List.of(job));
  }

  @Test
  void crew_blockingEngine_sharesBytesAndRate() throws IOException {
    Path file = file(noise(1));
    Job job =
        Jobs.of(
            "rw=write",
            "ioengine=filechannel",
            "iodepth=3",
            "numjobs=2",
            "io_size=40k",
            "rate_iops=1000000",
            "filename=" + file);
    List<Result> results = run(job);
    assertThat(results.stream().mapToLong(Result::bytes).sum()).isEqualTo(2 * 40960);
  }

  /** Collections are the process's, and counted once for all that run together. */
  @Test
  void run_totals_haveTheCollectionsOfEachBatch() throws IOException {
    Path file = file(noise(1));
    Run run =
        new Run(
            (address, writes) -> {
              throw new IOException(address);
            },
            () -> false,
            // Twenty times a second, in whichever batch.
            (names, elapsedNs, totalNs, operations, measuredNs) -> System.gc());
    String[] lines = {
      "ioengine=filechannel", "filename=" + file, "stonewall", "runtime=200ms", "time_based"
    };
    List<Job> jobs = List.of(Jobs.of(lines), Jobs.of(lines), Jobs.of(lines));
    List<Result> results = run.run(jobs);
    assertThat(results).hasSize(3);
    assertThat(run.totals().collections())
        .isEqualTo(results.stream().mapToLong(r -> r.usage().collections()).sum())
        .isPositive();
  }

  /** Where each job of fio's begins without an offset_increment. */
  @ParameterizedTest
  @CsvSource({"1, 16", "4, 64"})
  void crew_sequential_jobsBeginAtTheOffsetAndTheWorkersOfOneShareIt(int depth, int blocks)
      throws IOException {
    Path file = file(new byte[BLOCKS * BLOCK]);
    Job job =
        Jobs.of(
            "rw=write",
            "ioengine=filechannel",
            "iodepth=" + depth,
            "numjobs=3",
            "io_size=" + blocks * BLOCK,
            "filename=" + file);
    List<Result> results = run(job);
    assertThat(results.stream().mapToLong(Result::bytes).sum()).isEqualTo(3L * blocks * BLOCK);
    byte[] bytes = Files.readAllBytes(file);
    for (int block = 0; block < BLOCKS; block++) {
      assertThat(part(bytes, block * BLOCK).mismatch(MemorySegment.ofArray(new byte[BLOCK])) >= 0)
          .as("whether block %d was written", block)
          .isEqualTo(block < blocks);
    }
  }
}
