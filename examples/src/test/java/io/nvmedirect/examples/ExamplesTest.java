package io.nvmedirect.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each example runs and does what it says. */
@Timeout(300)
class ExamplesTest {

  @ParameterizedTest
  @ValueSource(strings = {"mem:16MiB", "mem:16MiB?lba=4096&mode=thread"})
  void helloWorld_readsWhatItWrote(String address) throws IOException {
    assertThat(HelloWorld.run(address)).isEqualTo("hello, NVMe");
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:16MiB", "mem:16MiB?lba=4096&mode=thread"})
  void asyncReads_doesAllReads(String address) throws IOException {
    assertThat(AsyncReads.run(address, 10_000)).isEqualTo(10_000);
    assertThat(AsyncReads.run(address, 3)).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:16MiB?mdts=128KiB", "mem:16MiB?lba=4096&mode=thread&mdts=128KiB"})
  void splitQueues_asksForEachCommand(String address) throws IOException {
    assertThat(SplitQueues.run(address)).isEqualTo(new SplitQueues.Counts(8, 8));
  }

  @Test
  void portedFromC_leavesItsDataOnTheDevice(@TempDir Path directory) throws IOException {
    Path image = directory.resolve("image");
    assertThat(PortedFromC.run("file:" + image + "?size=1MiB")).isZero();
    assertThat(Files.readAllBytes(image))
        .startsWith("hello from C".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
  }

  @Test
  void portedFromC_badAddress_fails() {
    assertThat(PortedFromC.run("nothing:1")).isOne();
  }
}
