package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ListCommandTest {

  @TempDir Path sysfs;

  @Test
  void list_controllersOfEveryKind() throws IOException {
    function("0000:00:1f.0", "0x060100", "lpc");
    Path kernel = function("0000:01:00.0", "0x010802", "nvme").resolve("nvme/nvme0");
    write(kernel.resolve("model"), "Samsung SSD 980 PRO 1TB                 \n");
    write(kernel.resolve("serial"), "S5GXNF0R\n");
    write(kernel.resolve("nvme0c0n1/size"), "1953525168\n");
    write(kernel.resolve("nvme0c0n1/queue/logical_block_size"), "512\n");
    write(kernel.resolve("nvme0n2/size"), "2048\n");
    write(kernel.resolve("nvme0n2/queue/logical_block_size"), "4096\n");
    write(kernel.resolve("hwmon1/name"), "nvme\n");
    function("0000:02:00.0", "0x010802", "vfio-pci");
    function("0000:03:00.0", "0x010800", "");

    Cli.Result result = Cli.run(new byte[0], sysfs, "list");

    assertThat(result.status()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out().lines().map(line -> line.replaceAll(" {2,}", "|")))
        .containsExactly(
            "ADDRESS|SIZE|BLOCK|MODEL|SERIAL|PCI|DRIVER",
            "/dev/nvme0n1|931.51 GiB|512|Samsung SSD 980 PRO 1TB|S5GXNF0R|0000:01:00.0|nvme",
            "/dev/nvme0n2|1 MiB|4096|Samsung SSD 980 PRO 1TB|S5GXNF0R|0000:01:00.0|nvme",
            "pci:0000:02:00.0|-|-|-|-|0000:02:00.0|vfio-pci",
            "pci:0000:03:00.0|-|-|-|-|0000:03:00.0|-");
  }

  @Test
  void list_json() throws IOException {
    Path kernel = function("0000:01:00.0", "0x010802", "nvme").resolve("nvme/nvme0");
    write(kernel.resolve("nvme0n1/size"), "8\n");
    JsonNode json =
        new ObjectMapper().readTree(Cli.run(new byte[0], sysfs, "list", "--json").out());
    JsonNode controller = json.get("controllers").get(0);
    assertThat(controller.get("pciAddress").asText()).isEqualTo("0000:01:00.0");
    assertThat(controller.get("driver").asText()).isEqualTo("nvme");
    assertThat(controller.get("model").isNull()).isTrue();
    assertThat(controller.get("namespaces").get(0).get("address").asText())
        .isEqualTo("/dev/nvme0n1");
    assertThat(controller.get("namespaces").get(0).get("sizeBytes").asLong()).isEqualTo(4096);
  }

  @Test
  void list_none() {
    Cli.Result result = Cli.run(new byte[0], sysfs, "list");
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("nvmed bench mem:1GiB");
    assertThat(Cli.run(new byte[0], sysfs, "list", "--json").out()).contains("\"controllers\" : [");
  }

  private Path function(String address, String classCode, String driver) throws IOException {
    Path function = Files.createDirectories(sysfs.resolve("devices").resolve(address));
    write(function.resolve("class"), classCode + "\n");
    if (!driver.isEmpty()) {
      Path drivers = Files.createDirectories(sysfs.resolve("bus/pci/drivers").resolve(driver));
      Files.createSymbolicLink(function.resolve("driver"), drivers);
    }
    Path devices = Files.createDirectories(sysfs.resolve("bus/pci/devices"));
    Files.createSymbolicLink(devices.resolve(address), function);
    return function;
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
