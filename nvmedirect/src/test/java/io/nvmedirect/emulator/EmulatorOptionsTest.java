package io.nvmedirect.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.spec.NvmeException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EmulatorOptionsTest {

  @Test
  void parse_memoryHasDefaults() throws NvmeException {
    EmulatorOptions options = EmulatorOptions.parse("mem:256MiB");
    assertThat(options)
        .isEqualTo(
            new EmulatorOptions(
                "mem:256MiB",
                null,
                256L << 20,
                512,
                1,
                512 << 10,
                64,
                65,
                EmulatorOptions.Model.RAM,
                EmulatorOptions.Mode.INLINE,
                false,
                EmulatorOptions.Arbitration.RR,
                EmulatorOptions.Sgl.ON,
                false));
  }

  @Test
  void parse_fileTakesEveryOption() throws NvmeException {
    EmulatorOptions options =
        EmulatorOptions.parse(
            "file:/a/b.img?size=1GiB&lba=4096&ns=4&mdts=1MiB&queues=1&vectors=0&model=null&mode=thread&shadow=on&arbitration=wrr&sgl=dword&readonly=on");
    assertThat(options.path()).isEqualTo(Path.of("/a/b.img"));
    assertThat(options.sizeBytes()).isEqualTo(1L << 30);
    assertThat(options.lbaBytes()).isEqualTo(4096);
    assertThat(options.namespaces()).isEqualTo(4);
    assertThat(options.mdtsBytes()).isEqualTo(1 << 20);
    assertThat(options.queues()).isEqualTo(1);
    assertThat(options.vectors()).isZero();
    assertThat(options.model()).isEqualTo(EmulatorOptions.Model.NULL);
    assertThat(options.mode()).isEqualTo(EmulatorOptions.Mode.THREAD);
    assertThat(options.shadow()).isTrue();
    assertThat(options.arbitration()).isEqualTo(EmulatorOptions.Arbitration.WRR);
    assertThat(options.sgl()).isEqualTo(EmulatorOptions.Sgl.DWORD);
    assertThat(options.readOnly()).isTrue();
    assertThat(EmulatorOptions.parse("mem:1MiB?shadow=off").shadow()).isFalse();
    EmulatorOptions writable =
        EmulatorOptions.parse(
            "file:/a/b.img?size=1GiB&lba=4096&ns=4&mdts=1MiB&queues=1&vectors=0&model=null&mode=thread&shadow=on&arbitration=wrr&sgl=dword");
    assertThat(writable.readOnly()).isFalse();
    assertThat(writable.asReadOnly())
        .usingRecursiveComparison()
        .ignoringFields("address")
        .isEqualTo(options);
  }

  @Test
  void parse_flashRunsOnThread() throws NvmeException {
    assertThat(EmulatorOptions.parse("mem:1MiB?model=flash").mode())
        .isEqualTo(EmulatorOptions.Mode.THREAD);
  }

  @ParameterizedTest
  @CsvSource({
    "512, 512",
    "4k, 4096",
    "4K, 4096",
    "4KiB, 4096",
    "2m, 2097152",
    "1GiB, 1073741824",
    "1t, 1099511627776",
    "1024B, 1024"
  })
  void parse_sizeHasUnits(String text, long bytes) throws NvmeException {
    assertThat(EmulatorOptions.parse("mem:" + text).sizeBytes()).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "ram:1MiB",
        "mem:",
        "mem:0",
        "mem:-1",
        "mem:12x",
        "mem:1.5MiB",
        "mem:99999999999999999999",
        "mem:9999999TiB",
        "mem:1000",
        "mem:512?lba=4096",
        "mem:1MiB?lba=520",
        "mem:1MiB?lba=",
        "mem:1MiB?ns=0",
        "mem:1MiB?ns=65",
        "mem:1MiB?ns=x",
        "mem:1MiB?ns=3",
        "mem:1MiB?mdts=4096",
        "mem:1MiB?mdts=12KiB",
        "mem:1MiB?mdts=1TiB",
        "mem:1MiB?queues=0",
        "mem:1MiB?queues=65",
        "mem:1MiB?queues=-1",
        "mem:1MiB?queues=",
        "mem:1MiB?vectors=66",
        "mem:1MiB?vectors=x",
        "mem:1MiB?model=disk",
        "mem:1MiB?mode=fast",
        "mem:1MiB?model=flash&mode=inline",
        "mem:1MiB?size=1MiB",
        "mem:1MiB?lba=512&lba=512",
        "mem:1MiB?colour=red",
        "mem:1MiB?",
        "mem:1MiB?lba",
        "mem:1MiB?shadow=yes",
        "mem:1MiB?arbitration=fair",
        "mem:1MiB?=5",
        "file:",
        "file:/x?size=0",
        "file:/x?size=513",
      })
  void parse_badAddressIsNamed(String address) {
    assertThatThrownBy(() -> EmulatorOptions.parse(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageStartingWith(address + ": bad ");
  }

  @Test
  void open_moreMemoryThanThereCanBeIsRefused() {
    assertThatThrownBy(() -> Emulator.open(EmulatorOptions.parse("mem:4000000TiB")))
        .isInstanceOf(NvmeException.class)
        .hasMessageStartingWith("mem:4000000TiB: cannot reserve");
  }

  @Test
  void parse_messageNamesValueAndWhatIsRight() {
    assertThatThrownBy(() -> EmulatorOptions.parse("mem:1MiB?ns=3"))
        .hasMessageContaining("\"1048576\"")
        .hasMessageContaining("multiple of 1536");
    assertThatThrownBy(() -> EmulatorOptions.parse("mem:1MiB?queues=65"))
        .hasMessageContaining("queues \"65\": expected 1 to 64");
    assertThatThrownBy(() -> EmulatorOptions.parse("mem:1MiB?model=flash&mode=inline"))
        .hasMessageContaining("mode=thread");
  }
}
