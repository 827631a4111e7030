package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A worker on a device of ours allocates nothing for an I/O, whatever the load has besides. */
@Timeout(300)
final class AllocationTest {

  private static final int MOST_RUNS = 20;

  private static double bytesPerIo(Result result) {
    return (double) result.usage().allocatedBytes() / result.operations();
  }

  private static boolean isMeasuredAndAllocatesNothing(Result result) {
    return result.operations() > 100 && bytesPerIo(result) < 1;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rw=randrw iodepth=8",
        "rw=randwrite iodepth=8 verify=crc32c do_verify=0",
        "rw=randread iodepth=8 rate_iops=50000",
        "rw=randrw iodepth=8 rate_iops=20000 rate_process=poisson",
        "rw=randwrite iodepth=8 fsync=4",
        "rw=rw iodepth=1 bsrange=4k-16k",
        "rw=randrw iodepth=4 random_distribution=zipf:1.1 verify=crc32c do_verify=0 fsync=16"
      })
  void run_throughNvmedIo_allocatesNothing(String load) throws IOException {
    // What a method allocates before it is compiled well is in the ramp.
    String times = " time_based ramp_time=700ms runtime=500ms";
    Job job = Jobs.of((load + times).split(" "));
    try (NvmeDevice device = NvmeDevice.open("mem:16MiB?mode=thread")) {
      Run run =
          new Run(
              (address, writes) -> device,
              () -> false,
              (names, elapsedNs, totalNs, operations, measuredNs) -> {});
      Result result = run.run(List.of(job)).getFirst();
      // On a busy machine the compilers take longer than the ramp, and a run may get no core at
      // all.
      for (int again = 0; again < MOST_RUNS && !isMeasuredAndAllocatesNothing(result); again++) {
        result = run.run(List.of(job)).getFirst();
      }
      assertThat(result.operations()).isGreaterThan(100);
      assertThat(bytesPerIo(result))
          .as("bytes for each of %d I/Os", result.operations())
          .isLessThan(1);
      assertThat(Stream.of(result.syncsNs().getTotalCount() > 0))
          .containsExactly(load.contains("fsync"));
    }
  }
}
