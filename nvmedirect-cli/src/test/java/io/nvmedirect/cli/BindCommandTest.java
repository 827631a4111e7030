package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** bind and unbind on a fake machine; the virtual machine's tests have the true kernel. */
final class BindCommandTest {

  private static final String ADDRESS = "0000:01:00.0";
  private static final String USER = System.getProperty("user.name");

  @TempDir Path root;
  private FakeMachine machine;
  private FakeKernel kernel;

  @BeforeEach
  void newMachine() throws IOException {
    machine =
        new FakeMachine(root)
            .kernelController(ADDRESS, "nvme0", "Fast SSD")
            .block(ADDRESS, "nvme0/nvme0n1", "259:0", 2048, 512)
            .block(ADDRESS, "nvme0/nvme0n1/nvme0n1p1", "259:1", 1024, 512)
            .function("0000:00:01.0", "0x060400", "pcieport")
            .group(12, ADDRESS, "0000:00:01.0");
    kernel = new FakeKernel(machine);
  }

  private Cli.Result run(String... arguments) {
    return Cli.run(new byte[0], machine.roots(), kernel, arguments);
  }

  private void assertRefused(String... words) throws IOException {
    for (String[] arguments : new String[][] {{"bind", ADDRESS}, {"bind", ADDRESS, "--dry-run"}}) {
      Cli.Result result = run(arguments);
      assertThat(result.status()).as(result.toString()).isEqualTo(1);
      assertThat(result.out()).isEmpty();
      assertThat(result.err()).startsWith("nvmed: ").contains(words).doesNotContain("unexpected");
    }
    assertThat(kernel.log).isEmpty();
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
  }

  @ParameterizedTest
  @ValueSource(strings = {ADDRESS, "01:00.0", "pci:" + ADDRESS, "/dev/nvme0", "nvme0n1"})
  void bind_everyFormOfAddress(String address) throws IOException {
    Cli.Result result = run("bind", address);
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out())
        .contains(ADDRESS, "is bound to vfio-pci", "/dev/vfio/12", "nvmed unbind", "reboot")
        .doesNotContain("0000:00:01.0");
    assertThat(kernel.log)
        .containsExactly(
            "driver_override=vfio-pci", "unbind=" + ADDRESS, "drivers_probe=" + ADDRESS);
    assertThat(kernel.driver(ADDRESS)).isEqualTo("vfio-pci");
  }

  @Test
  void bind_withoutDriver() throws IOException {
    Files.delete(root.resolve(FakeMachine.functionPath(ADDRESS)).resolve("driver"));
    assertThat(run("bind", ADDRESS).status()).isZero();
    assertThat(kernel.log).containsExactly("driver_override=vfio-pci", "drivers_probe=" + ADDRESS);
    assertThat(kernel.driver(ADDRESS)).isEqualTo("vfio-pci");
  }

  @Test
  void bind_twice_saysSo() {
    assertThat(run("bind", ADDRESS).status()).isZero();
    int steps = kernel.log.size();
    Cli.Result again = run("bind", ADDRESS);
    assertThat(again.status()).isZero();
    assertThat(again.out()).contains("is already bound to vfio-pci");
    assertThat(kernel.log).hasSize(steps);
  }

  @Test
  void bind_dryRun_printsCommandsAndChangesNothing() throws IOException {
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci/unbind"));
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci"));
    Cli.Result result = run("bind", ADDRESS, "--dry-run", "--user", USER);
    assertThat(result.status()).as(result.err()).isZero();
    Path function = root.resolve("sys/bus/pci/devices").resolve(ADDRESS);
    assertThat(result.out().lines())
        .containsExactly(
            "modprobe vfio-pci",
            "echo vfio-pci > %s/driver_override".formatted(function),
            "echo %s > %s/driver/unbind".formatted(ADDRESS, function),
            "echo %s > %s/sys/bus/pci/drivers_probe".formatted(ADDRESS, root),
            "chown %s %s/dev/vfio/12".formatted(USER, root));
    assertThat(kernel.log).isEmpty();
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
  }

  @Test
  void bind_user_ownsTheGroupAndIsToldOfItsLimit() {
    Cli.Result result = run("bind", ADDRESS, "--user", USER);
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(kernel.log).endsWith("chown " + USER);
    assertThat(result.out()).contains("/dev/vfio/12 belongs to " + USER, "ulimit -l", "256 MiB");
  }

  @Test
  void bind_alreadyBound_userStillGetsIt() {
    assertThat(run("bind", ADDRESS).status()).isZero();
    assertThat(run("bind", ADDRESS, "--user", USER).status()).isZero();
    assertThat(kernel.log).endsWith("chown " + USER);
  }

  @Test
  void bind_unknownUser_changesNothing() {
    Cli.Result result = run("bind", ADDRESS, "--user", "no-such-user");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("--user no-such-user");
    assertThat(kernel.log).isEmpty();
  }

  @Test
  void bind_moduleMissing_isLoaded() throws IOException {
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci/unbind"));
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci"));
    assertThat(run("bind", ADDRESS).status()).isZero();
    assertThat(kernel.log).startsWith("modprobe vfio-pci", "driver_override=vfio-pci");
  }

  @Test
  void bind_moduleCannotBeLoaded_changesNothing() throws IOException {
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci/unbind"));
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci"));
    kernel.failing.add("modprobe vfio-pci");
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(kernel.log).containsExactly("modprobe vfio-pci");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
  }

  @Test
  void bind_mountedWhileTheModuleLoads_isRefused() throws IOException {
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci/unbind"));
    Files.delete(root.resolve("sys/bus/pci/drivers/vfio-pci"));
    kernel.onLoad = () -> machine.mountinfo("30 22 259:0 / /late rw - ext4 /dev/nvme0n1 rw");
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("mounted at /late");
    assertThat(kernel.log).containsExactly("modprobe vfio-pci");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
  }

  @Test
  void bind_mounted_isRefused() throws IOException {
    machine.mountinfo("30 22 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw");
    assertRefused(ADDRESS, "partition nvme0n1p1 is mounted at /data", "nothing was changed");
  }

  @Test
  void bind_swap_isRefused() throws IOException {
    machine.file("proc/swaps", "Filename Type\n/dev/nvme0n1p1 partition 8 0 -2\n");
    assertRefused("partition nvme0n1p1 is swap space");
  }

  @Test
  void bind_volume_isRefused() throws IOException {
    machine
        .file("sys/class/block/nvme0n1p1/holders/dm-0/x", "")
        .file("sys/class/block/dm-0/dm/name", "vg0-root\n")
        .file("sys/class/block/dm-0/dm/uuid", "LVM-x\n");
    assertRefused("partition nvme0n1p1 is part of LVM volume vg0-root (dm-0)");
  }

  @Test
  void bind_array_isRefused() throws IOException {
    machine
        .file("sys/class/block/nvme0n1/holders/md0/x", "")
        .file("sys/class/block/md0/md/level", "raid1\n");
    assertRefused("namespace nvme0n1 is part of MD array md0 (raid1)");
  }

  @Test
  void bind_heldOpen_isRefused() throws IOException {
    machine.process(812, "fio", "/dev/nvme0n1");
    assertRefused("namespace nvme0n1 is held open by fio (pid 812)");
  }

  @Test
  void bind_otherDriver_isRefused() throws IOException {
    machine.driver("uio_pci_generic");
    machine.link(
        FakeMachine.functionPath(ADDRESS) + "/driver", "../../../bus/pci/drivers/uio_pci_generic");
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("driver uio_pci_generic", "drivers/uio_pci_generic/unbind");
    assertThat(kernel.log).isEmpty();
  }

  @Test
  void bind_groupNotViable_isRefused() throws IOException {
    machine.function("0000:01:00.1", "0x020000", "e1000e").group(12, "0000:01:00.1");
    assertRefused(
        "IOMMU group 12",
        "not viable",
        "0000:01:00.1 (driver e1000e)",
        "echo 0000:01:00.1 > /sys/bus/pci/drivers/e1000e/unbind");
  }

  @Test
  void bind_controllersOfOneGroup_areBoundTogether() throws IOException {
    String other = "0000:01:00.1";
    machine.kernelController(other, "nvme1", "Fast SSD").group(12, other);
    assertRefused("not viable", "nvmed bind " + ADDRESS + " " + other);
    Cli.Result result = run("bind", ADDRESS, other, "nvme1");
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains(ADDRESS, other).doesNotContain("not touched");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("vfio-pci");
    assertThat(kernel.driver(other)).isEqualTo("vfio-pci");
  }

  @Test
  void bind_secondOfTwoFails_bothAreTakenBack() throws IOException {
    String other = "0000:01:00.1";
    machine.kernelController(other, "nvme1", "Fast SSD").group(12, other);
    kernel.failing.add("unbind=" + other);
    Cli.Result result = run("bind", ADDRESS, other);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains(
            "nothing has changed: " + other + " is bound to the driver nvme",
            "nothing has changed: " + ADDRESS + " is bound to the driver nvme");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
    assertThat(kernel.driver(other)).isEqualTo("nvme");
  }

  @Test
  void bind_othersOfTheGroupWithoutDriver_areNamed() throws IOException {
    machine.function("0000:01:00.1", "0x020000", "").group(12, "0000:01:00.1");
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains("0000:01:00.1 (no driver)", "not touched");
    assertThat(kernel.driver("0000:01:00.1")).isEmpty();
  }

  @Test
  void bind_noIommu_saysHowToTurnItOn() throws IOException {
    Files.delete(root.resolve(FakeMachine.functionPath(ADDRESS)).resolve("iommu_group"));
    machine.file("proc/cpuinfo", "vendor_id\t: GenuineIntel\n");
    assertRefused("IOMMU is off", "intel_iommu=on", "enable_unsafe_noiommu_mode");
  }

  @Test
  void bind_noIommuMode_warnsButBinds() throws IOException {
    Files.delete(root.resolve(FakeMachine.functionPath(ADDRESS)).resolve("iommu_group"));
    machine.file("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains("There is no IOMMU", "overwrite any memory");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("vfio-pci");
  }

  @ParameterizedTest
  @ValueSource(strings = {"driver_override=vfio-pci", "unbind=" + ADDRESS})
  void bind_stepFails_isTakenBack(String step) throws IOException {
    kernel.failing.add(step);
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains(
            ADDRESS, step, "nothing has changed: " + ADDRESS + " is bound to the driver nvme");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
  }

  @Test
  void bind_vfioDoesNotTakeIt_isTakenBack() throws IOException {
    kernel.unwillingDrivers.add("vfio-pci");
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("driver vfio-pci did not take it", "nothing has changed");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
  }

  @Test
  void bind_cannotBeTakenBack_saysWhereItIs() throws IOException {
    kernel.failing.add("drivers_probe=" + ADDRESS); // also when it is to bring nvme back
    Cli.Result result = run("bind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains(
            "could not be taken back", ADDRESS + " is now bound to no driver", "echo " + ADDRESS);
    assertThat(kernel.driver(ADDRESS)).isEmpty();
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
  }

  @Test
  void bind_cannotGiveToTheUser_isTakenBack() throws IOException {
    kernel.failing.add("chown " + USER);
    Cli.Result result = run("bind", ADDRESS, "--user", USER);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("nothing has changed");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bind", "unbind"})
  void unknownDevice_namesIt(String verb) {
    assertThat(run(verb, "0000:09:00.0").err()).contains("0000:09:00.0", ADDRESS);
    assertThat(run(verb, "sda").err()).contains("'sda'", "0000:01:00.0");
    assertThat(run(verb, "nvme0n1p1").err()).contains("'nvme0n1p1' is a partition", ADDRESS);
    assertThat(kernel.log).isEmpty();
  }

  @Test
  void unbind_givesItBack() throws IOException {
    assertThat(run("bind", ADDRESS).status()).isZero();
    kernel.log.clear();
    Cli.Result result = run("unbind", ADDRESS);
    assertThat(result.status()).as(result.err()).isZero();
    assertThat(result.out()).contains("is bound to the kernel's driver nvme: /dev/nvme0n1");
    assertThat(kernel.log)
        .containsExactly("driver_override=", "unbind=" + ADDRESS, "drivers_probe=" + ADDRESS);
    assertThat(kernel.driver(ADDRESS)).isEqualTo("nvme");
    assertThat(kernel.override(ADDRESS)).isEqualTo("(null)");
  }

  @Test
  void unbind_dryRun() throws IOException {
    assertThat(run("bind", ADDRESS).status()).isZero();
    Cli.Result result = run("unbind", ADDRESS, "--dry-run");
    Path function = root.resolve("sys/bus/pci/devices").resolve(ADDRESS);
    assertThat(result.out().lines())
        .containsExactly(
            "echo > %s/driver_override".formatted(function),
            "echo %s > %s/driver/unbind".formatted(ADDRESS, function),
            "echo %s > %s/sys/bus/pci/drivers_probe".formatted(ADDRESS, root));
    assertThat(kernel.driver(ADDRESS)).isEqualTo("vfio-pci");
  }

  @Test
  void unbind_kernelHasIt_saysSo() {
    Cli.Result result = run("unbind", ADDRESS);
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("is already bound to the kernel's driver nvme");
    assertThat(kernel.log).isEmpty();
  }

  @Test
  void unbind_groupOpen_isRefused() throws IOException {
    assertThat(run("bind", ADDRESS).status()).isZero();
    machine.process(77, "java", "/dev/vfio/12");
    kernel.log.clear();
    Cli.Result result = run("unbind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("VFIO group 12 is held open by java (pid 77)");
    assertThat(kernel.log).isEmpty();
  }

  @Test
  void unbind_noDriverTakesIt_staysWithVfio() throws IOException {
    assertThat(run("bind", ADDRESS).status()).isZero();
    kernel.unwillingDrivers.add("nvme");
    Cli.Result result = run("unbind", ADDRESS);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains("driver nvme did not take it", "bound to the driver vfio-pci");
    assertThat(kernel.driver(ADDRESS)).isEqualTo("vfio-pci");
    assertThat(kernel.override(ADDRESS)).isEqualTo("vfio-pci");
  }
}
