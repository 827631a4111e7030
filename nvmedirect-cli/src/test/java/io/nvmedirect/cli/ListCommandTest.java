package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ListCommandTest {

  @TempDir Path root;

  private FakeMachine machine() throws IOException {
    return new FakeMachine(root)
        .function("0000:00:1f.0", "0x060100", "lpc")
        .kernelController("0000:01:00.0", "nvme0", "Samsung SSD 980 PRO 1TB")
        .block("0000:01:00.0", "nvme0/nvme0n1", "259:0", 1953525168L, 512)
        .block("0000:01:00.0", "nvme0/nvme0n1/nvme0n1p1", "259:1", 2048, 512)
        .block("0000:01:00.0", "nvme0/nvme0n2", "259:2", 2048, 4096)
        .file(FakeMachine.functionPath("0000:01:00.0") + "/nvme/nvme0/nvme0n2/metadata_bytes", "8")
        .group(12, "0000:01:00.0")
        .function("0000:02:00.0", "0x010802", "vfio-pci")
        .group(13, "0000:02:00.0")
        .function("0000:03:00.0", "0x010800", "")
        .mountinfo("30 22 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw")
        .process(812, "fio", "/dev/nvme0n1")
        .process(900, "app", "/dev/vfio/13");
  }

  @Test
  void list_controllersOfEveryKind() throws IOException {
    machine();

    Cli.Result result = Cli.run(new byte[0], root, "list");

    assertThat(result.status()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out().lines().map(line -> line.strip().replaceAll(" {2,}", "|")))
        .containsExactly(
            "PCI|MODEL|DRIVER|GROUP|NAMESPACE|SIZE|BLOCK|USED",
            "0000:01:00.0|Samsung SSD 980 PRO…|nvme|12|nvme0n1|931.51 GiB|512|open: fio (pid 812)",
            "mounted at /boot/efi",
            "0000:01:00.0|Samsung SSD 980 PRO…|nvme|12|nvme0n2|1 MiB|4096+8|no",
            "0000:02:00.0|144d:a80a|vfio-pci|13|-|-|-|open: app (pid 900)",
            "0000:03:00.0|144d:a80a|-|-|-|-|-|no");
    assertThat(result.out().lines()).allMatch(line -> line.length() <= 110, "narrow lines");
  }

  @Test
  void list_json_hasAllOfIt() throws IOException {
    machine();
    JsonNode json = new ObjectMapper().readTree(Cli.run(new byte[0], root, "list", "--json").out());
    assertThat(json.get("seesAllProcesses").asBoolean()).isTrue();
    assertThat(json.get("controllers")).hasSize(3);
    JsonNode controller = json.get("controllers").get(0);
    assertThat(controller.get("pciAddress").asText()).isEqualTo("0000:01:00.0");
    assertThat(controller.get("vendorId").asText()).isEqualTo("144d");
    assertThat(controller.get("deviceId").asText()).isEqualTo("a80a");
    assertThat(controller.get("class").asText()).isEqualTo("010802");
    assertThat(controller.get("driver").asText()).isEqualTo("nvme");
    assertThat(controller.get("model").asText()).isEqualTo("Samsung SSD 980 PRO 1TB");
    assertThat(controller.get("numaNode").isNull()).isTrue();
    assertThat(controller.get("iommuGroup").get("number").asInt()).isEqualTo(12);
    assertThat(controller.get("iommuGroup").get("members")).hasSize(1);
    JsonNode namespace = controller.get("namespaces").get(0);
    assertThat(namespace.get("address").asText()).isEqualTo("/dev/nvme0n1");
    assertThat(namespace.get("sizeBytes").asLong()).isEqualTo(1953525168L * 512);
    assertThat(namespace.get("partitions").get(0).get("address").asText())
        .isEqualTo("/dev/nvme0n1p1");
    assertThat(controller.get("namespaces").get(1).get("blockBytes").asInt()).isEqualTo(4096);
    assertThat(controller.get("namespaces").get(1).get("metadataBytes").asInt()).isEqualTo(8);
    assertThat(controller.get("used").asBoolean()).isTrue();
    assertThat(controller.get("uses").get(1).get("kind").asText()).isEqualTo("MOUNTED");
    assertThat(controller.get("uses").get(1).get("by").asText()).isEqualTo("/boot/efi");
    assertThat(controller.get("uses").get(1).get("text").asText())
        .isEqualTo("partition nvme0n1p1 is mounted at /boot/efi");
    assertThat(json.get("controllers").get(2).get("used").asBoolean()).isFalse();
  }

  @Test
  void list_none() {
    Cli.Result result = Cli.run(new byte[0], root, "list");
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("nvmed bench mem:1GiB");
    assertThat(Cli.run(new byte[0], root, "list", "--json").out()).contains("\"controllers\" : [");
  }
}
