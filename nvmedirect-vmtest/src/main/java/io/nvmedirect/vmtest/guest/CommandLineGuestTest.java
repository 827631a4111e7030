package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.cli.Main;
import io.nvmedirect.linux.HugePageReserve;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The verbs of nvmed on devices of the kernel's and of ours, as root and as an ordinary user. */
@Timeout(600)
final class CommandLineGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.PLAIN;

  private static String succeed(String... arguments) {
    Nvmed.Result result = Nvmed.run(arguments);
    assertThat(result.status()).as(result.toString()).isZero();
    return result.out();
  }

  private static void assertListsAll(String table) throws IOException {
    for (GuestDevice device : GuestDevice.values()) {
      String line =
          table.lines().filter(l -> l.startsWith(device.pciAddress())).findFirst().orElse("");
      Path group = PciDriver.sysfs(device).resolve("iommu_group").toRealPath();
      assertThat(line)
          .as("%s in %s", device, table)
          .containsPattern(" %s +%s ".formatted(PciDriver.of(device), group.getFileName()));
      if (device.driver() == GuestDevice.Driver.NVME) {
        Path disk = PciDriver.disk(device, 1);
        assertThat(line)
            .contains("QEMU NVMe Ctrl")
            .containsPattern(" %s +64 MiB +512 +no".formatted(disk.getFileName()));
      }
    }
  }

  @Test
  void list_showsEveryDevice() throws IOException {
    assertListsAll(succeed("list"));
  }

  @Test
  void list_asUser_showsEveryDevice() throws Exception {
    ChildJvm.Result result = ChildJvm.runAsUser("64", Main.class, "list");
    assertThat(result.status()).as(result.output()).isZero();
    assertListsAll(result.output());
  }

  @Test
  void doctor_asRoot_isReady_andSeesHugePages() throws IOException {
    try (HugePageReserve _ = new HugePageReserve(4)) {
      assertThat(succeed("doctor"))
          .containsPattern("OK +IOMMU ")
          .containsPattern("OK +%s +free".formatted(DEVICE.pciAddress()))
          .containsPattern("OK +huge pages +4 free of 2 MiB")
          .contains("Ready for kernel bypass.")
          .doesNotContain("FAIL");
    }
    assertThat(succeed("doctor"))
        .containsPattern("WARN +huge pages +none free")
        .contains("Ready for kernel bypass.");
  }

  /** It names what a user has to ask root for. */
  @Test
  void doctor_asUser_saysWhatIsMissing() throws Exception {
    ChildJvm.Result result = ChildJvm.runAsUser("64", Main.class, "doctor");
    assertThat(result.status()).as(result.output()).isEqualTo(1);
    String address = DEVICE.pciAddress();
    assertThat(result.output())
        .containsPattern("OK +IOMMU ")
        .containsPattern(
            "FAIL +%s +/dev/vfio/\\d+ may not be opened by this user -> sudo nvmed bind %s --user %s"
                .formatted(address, address, ChildJvm.USER))
        .containsPattern("FAIL +locked memory +limit 64 KiB")
        .contains("Not ready for kernel bypass yet.")
        .doesNotContain("Exception");
  }

  @Test
  void info_showsControllerAndNamespaces() {
    assertThat(succeed("info", DEVICE.address()))
        .containsPattern("Model +QEMU NVMe Ctrl")
        .containsPattern("Serial number +" + DEVICE.serial())
        .containsPattern("Largest transfer \\(MDTS\\) +512 KiB")
        .containsPattern("1 \\(open\\) +64 MiB +67108864 +131072 ");
    assertThat(succeed("info", GuestDevice.TWO_NAMESPACES.address() + "/ns2"))
        .containsPattern("(?m)^1 +64 MiB .*512\\*")
        .containsPattern("(?m)^2 \\(open\\) +64 MiB .*4096\\*");
    assertThat(succeed("info", "--json", GuestDevice.ONE_TIB.address()))
        .containsPattern("\"sizeBytes\" ?: ?1099511627776");
  }

  @Test
  void smart_showsHealth() {
    String out = succeed("smart", DEVICE.address());
    assertThat(out).containsPattern("Critical warning +none").containsPattern("Media errors +0");
    assertThat(number(out, "Temperature +(\\d+) +°C")).isBetween(1.0, 100.0);
  }

  @Test
  void copy_ofAFile_isVerified_andComesBack(@TempDir Path directory) throws IOException {
    byte[] bytes = new byte[3_000_001];
    new Random(5).nextBytes(bytes);
    Path source = Files.write(directory.resolve("source"), bytes);
    assertThat(succeed("copy", source.toString(), DEVICE.address(), "--verify"))
        .contains("3000001 bytes", "verified: 3000001 bytes are the same");
    Path back = directory.resolve("back");
    assertThat(succeed("copy", DEVICE.address(), back.toString(), "--verify"))
        .contains("verified: 67108864 bytes are the same");
    byte[] all = Files.readAllBytes(back);
    assertThat(all.length).isEqualTo(64 << 20);
    assertThat(Arrays.equals(bytes, 0, bytes.length, all, 0, bytes.length)).isTrue();
  }

  @Test
  void bench_measures() {
    String out = succeed("bench", DEVICE.address(), "--runtime", "1", "--rw", "randread,randwrite");
    assertThat(out).contains("QEMU NVMe Ctrl", DEVICE.address() + ", 64 MiB");
    for (String load : List.of("randread", "randwrite")) {
      // IOPS, MB/s of 4096 bytes each, mean and median latency in microseconds.
      String row = "(?m)^" + load + " +";
      double iops = number(out, row + "([\\d,]+)");
      assertThat(iops).isPositive();
      double megabytes = number(out, row + "[\\d,]+ +([\\d,.]+)");
      assertThat(megabytes).isBetween(iops * 4096 / 1e6 - 0.1, iops * 4096 / 1e6 + 0.1);
      assertThat(number(out, row + "[\\d,]+ +[\\d,.]+ +([\\d,.]+)")).isPositive();
    }
  }

  private static double number(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    assertThat(matcher.find()).as("%s in %s", pattern, text).isTrue();
    return Double.parseDouble(matcher.group(1).replace(",", ""));
  }
}
