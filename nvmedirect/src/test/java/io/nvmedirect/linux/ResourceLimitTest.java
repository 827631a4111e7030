package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ResourceLimitTest {

  @Test
  void lockedMemoryBytes_isWhatProcSays() throws Exception {
    String line;
    try (var lines = Files.lines(Path.of("/proc/self/limits"))) {
      line = lines.filter(l -> l.startsWith("Max locked memory")).findFirst().orElseThrow();
    }
    String soft = line.substring("Max locked memory".length()).strip().split("\\s+", 2)[0];
    assertThat(ResourceLimit.lockedMemoryBytes())
        .isEqualTo("unlimited".equals(soft) ? Long.MAX_VALUE : Long.parseLong(soft));
  }

  @Test
  void lockedNowBytes_isKnownAndOfWholePages() {
    assertThat(ResourceLimit.lockedNowBytes()).isNotNegative();
    assertThat(ResourceLimit.lockedNowBytes() % 4096).isZero();
  }
}
