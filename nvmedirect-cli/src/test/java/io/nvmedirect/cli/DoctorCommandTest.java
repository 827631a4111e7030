package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class DoctorCommandTest {

  private static final String ADDRESS = "0000:01:00.0";

  @TempDir Path root;

  /** A machine where nothing is to be mended. */
  private FakeMachine ready() throws IOException {
    return new FakeMachine(root)
        .function(ADDRESS, "0x010802", "vfio-pci")
        .group(12, ADDRESS)
        .file("sys/class/iommu/dmar0/x", "")
        .file("sys/module/vfio/x", "")
        .file("sys/module/vfio_iommu_type1/x", "")
        .file("sys/module/vfio_pci/x", "")
        .file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "64\n")
        .file("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
        .file("proc/sys/kernel/osrelease", "6.1.0\n")
        .file("proc/self/limits", limits("unlimited"))
        .file("proc/self/status", "CapEff:\t0000000000000000\nSeccomp:\t0\n")
        .file("proc/cpuinfo", "vendor_id\t: GenuineIntel\n")
        .file("dev/vfio/vfio", "")
        .file("dev/vfio/12", "");
  }

  private static String limits(String locked) {
    return """
    Limit                     Soft Limit           Hard Limit           Units
    Max processes             96365                96365                processes
    Max locked memory         %-20s 8388608              bytes
    """
        .formatted(locked);
  }

  private Cli.Result doctor(int status, String... lines) {
    Cli.Result result = Cli.run(new byte[0], root, "doctor");
    assertThat(result.status()).as(result.toString()).isEqualTo(status);
    assertThat(result.err()).isEmpty();
    assertThat(result.out().replaceAll(" +", " ")).contains(lines);
    return result;
  }

  @Test
  void readyMachine_isReady() throws IOException {
    ready();
    Cli.Result result =
        doctor(
            0,
            "OK IOMMU on, 1 groups (dmar0)",
            "OK module vfio_pci loaded",
            "OK NVMe controllers 1; bound to vfio-pci: 0000:01:00.0",
            "OK 0000:01:00.0 free, and " + root + "/dev/vfio/12 may be opened",
            "OK huge pages 64 free",
            "OK locked memory no limit",
            "OK JDK " + Runtime.version(),
            "Ready for kernel bypass.");
    assertThat(result.out()).doesNotContain("FAIL", "WARN  IOMMU");
  }

  @Test
  void json_hasMarkTopicFindingAndMend() throws IOException {
    ready().file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
    JsonNode json =
        new ObjectMapper().readTree(Cli.run(new byte[0], root, "doctor", "--json").out());
    assertThat(json.get("ready").asBoolean()).isTrue();
    JsonNode first = json.get("checks").get(0);
    assertThat(first.get("mark").asText()).isEqualTo("OK");
    assertThat(first.get("topic").asText()).isEqualTo("IOMMU");
    assertThat(first.get("mend").isNull()).isTrue();
    assertThat(json.get("checks").findValuesAsText("mend"))
        .anyMatch(mend -> mend.contains("nr_hugepages"));
  }

  @Test
  void nothingThere_failsWithoutError() {
    Cli.Result result =
        doctor(
            1,
            "FAIL IOMMU off",
            "FAIL module vfio ",
            "FAIL NVMe controllers none on a PCI bus",
            "WARN locked memory the limit is unknown",
            "FAIL sysfs there is no /sys",
            "Not ready for kernel bypass yet.");
    assertThat(result.out()).doesNotContain("null", "Exception");
  }

  @ParameterizedTest
  @CsvSource({
    "GenuineIntel, quiet, intel_iommu=on",
    "GenuineIntel, quiet intel_iommu=off, remove intel_iommu=off from the kernel command line",
    "AuthenticAMD, quiet, AMD-Vi",
    "AuthenticAMD, amd_iommu=off, remove amd_iommu=off",
    "SomethingElse, iommu=off, SMMU"
  })
  void iommuOff_hintForTheMachine(String vendor, String commandLine, String hint)
      throws IOException {
    ready().file("proc/cpuinfo", "vendor_id\t: " + vendor + "\n");
    Files.writeString(root.resolve("proc/cmdline"), commandLine + "\n");
    Files.delete(root.resolve("sys/kernel/iommu_groups/12/devices").resolve(ADDRESS));
    Files.delete(root.resolve("sys/kernel/iommu_groups/12/devices"));
    Files.delete(root.resolve("sys/kernel/iommu_groups/12"));
    doctor(1, "FAIL IOMMU off", hint);
  }

  @Test
  void noIommuMode_warnsAndIsReady() throws IOException {
    ready()
        .file("sys/kernel/iommu_groups/12/name", "vfio-noiommu\n")
        .file("dev/vfio/noiommu-12", "")
        .file("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
    doctor(0, "WARN IOMMU off", "WARN no-IOMMU mode on", "overwrite any memory");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "modules.builtin | kernel/drivers/vfio/pci/vfio-pci.ko | OK module vfio_pci built into",
        "modules.dep | kernel/drivers/vfio/pci/vfio-pci.ko.xz: a.ko | OK module vfio_pci not loaded",
        "modules.dep | kernel/drivers/vfio/pci/vfio-pci-core.ko: a.ko | FAIL module vfio_pci not loaded"
      })
  void modules_builtInLoadableOrMissing(String file, String line, String expected)
      throws IOException {
    FakeMachine machine = ready();
    machine.file("lib/modules/6.1.0/" + file, line + "\n");
    Files.delete(root.resolve("sys/module/vfio_pci/x"));
    Files.delete(root.resolve("sys/module/vfio_pci"));
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci/unbind"));
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci"));
    doctor(expected.startsWith("OK") ? 0 : 1, expected);
  }

  @ParameterizedTest
  @CsvSource({
    "65536, 0000000000000000, 1, FAIL locked memory limit 64 KiB",
    "8388608, 0000000000000000, 0, WARN locked memory limit 8 MiB",
    "268435456, 0000000000000000, 0, OK locked memory limit 256 MiB",
    "65536, 0000000000004000, 0, OK locked memory no limit for this process",
    "65536, 0000000000003fff, 1, FAIL locked memory limit 64 KiB"
  })
  void lockedMemory(String limit, String capabilities, int status, String expected)
      throws IOException {
    ready()
        .file("proc/self/limits", limits(limit))
        .file("proc/self/status", "CapEff:\t" + capabilities + "\n");
    Cli.Result result = doctor(status, expected);
    if (!expected.startsWith("OK")) {
      assertThat(result.out()).contains("LimitMEMLOCK=", "limits.conf", "ulimit -l", "262144 KiB");
    }
  }

  @Test
  void noneBound_namesTheCommandForAFreeOne() throws IOException {
    ready()
        .link(FakeMachine.functionPath(ADDRESS) + "/driver", "../../../bus/pci/drivers/nvme")
        .process(5, "vi", "/dev/nvme0")
        .kernelController("0000:00:05.0", "nvme0", "Busy SSD");
    doctor(0, "WARN NVMe controllers 2, none bound to vfio-pci -> nvmed bind 0000:01:00.0");
  }

  @Test
  void boundDevice_openElsewhere_fails() throws IOException {
    ready().process(5, "spdk_tgt", "/dev/vfio/12");
    doctor(1, "FAIL 0000:01:00.0 ", "held open by spdk_tgt (pid 5)");
  }

  @Test
  void boundDevice_nodesMissing_fails() throws IOException {
    ready();
    Files.delete(root.resolve("dev/vfio/12"));
    Files.delete(root.resolve("dev/vfio/vfio"));
    doctor(1, "FAIL /dev/vfio/vfio does not exist", "FAIL 0000:01:00.0 " + root + "/dev/vfio/12");
  }

  @Test
  void container_readOnlySysfsAndSeccomp() throws IOException {
    ready()
        .file("proc/self/status", "Seccomp:\t2\n")
        .mountinfo("30 22 0:20 / /sys ro,nosuid,nodev - sysfs sysfs ro");
    doctor(0, "WARN sysfs /sys is mounted read-only", "WARN seccomp system calls");
  }

  @Test
  void hugePages_kernelHasNone_andTransparentNever() throws IOException {
    ready().file("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    Files.delete(root.resolve("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"));
    doctor(0, "WARN huge pages", "WARN transparent huge pages never", "echo madvise");
  }

  @Test
  void strangeFiles_noError() throws IOException {
    ready()
        .file("proc/self/limits", "Max locked memory what\n")
        .file("proc/self/status", "CapEff: zz\n")
        .file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "many\n")
        .file("sys/bus/pci/devices/nonsense/class", "0x010802\n")
        .file(FakeMachine.functionPath(ADDRESS) + "/vendor", "144d\n");
    doctor(0, "WARN locked memory the limit is unknown", "OK NVMe controllers 1;");
  }

  @Test
  void jdk_tooOld_fails() {
    assertThat(RuntimeChecks.jdk(24).mark()).isEqualTo(Check.Mark.FAIL);
    assertThat(RuntimeChecks.jdk(25).mark()).isEqualTo(Check.Mark.OK);
  }
}
