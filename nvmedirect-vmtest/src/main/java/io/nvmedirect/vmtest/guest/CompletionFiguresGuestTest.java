package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.GuestDevice;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/**
 * Path and completion policies over VFIO. The figures are reported, not judged: the CPU is emulated, and the
 * JVM compiles with C1 only, since QEMU 7.2 was seen to crash one with both compilers.
 */
@Timeout(600)
final class CompletionFiguresGuestTest {

  private static final String RUN_MS = "800";

  @Test
  void readsInEachPolicy(TestReporter reporter) throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(CompletionFigures.class, GuestDevice.PLAIN.address(), RUN_MS);
    assertThat(result.status()).as(result.output()).isZero();
    List<String[]> figures =
        result
            .output()
            .lines()
            .map(line -> line.split("\t", 2))
            .filter(f -> f.length == 2)
            .toList();
    assertThat(figures).as(result.output()).hasSize(4);
    figures.forEach(figure -> reporter.publishEntry(figure[0], figure[1]));
  }
}
