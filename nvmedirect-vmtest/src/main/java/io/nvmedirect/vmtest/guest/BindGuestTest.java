package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** nvmed bind, unbind, list and doctor, with the kernel that they talk to. */
final class BindGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.SHARED_A;
  private static final String ADDRESS = DEVICE.pciAddress();
  private static final int PAGE_BYTES = 4096;

  private Path disk = Path.of("/dev");

  @BeforeEach
  void kernelHasIt() throws IOException {
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    disk = PciDriver.disk(DEVICE, 1);
  }

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DEVICE, DEVICE.driver());
  }

  private static void assertRefused(Nvmed.Result result, String... words) throws IOException {
    assertThat(result.status()).as(result.toString()).isEqualTo(1);
    assertThat(result.err()).contains(words);
    assertThat(PciDriver.of(DEVICE)).isEqualTo("nvme");
  }

  private static Path group() throws IOException {
    Path group = PciDriver.sysfs(DEVICE).resolve("iommu_group").toRealPath();
    return Path.of("/dev/vfio").resolve(String.valueOf(group.getFileName()));
  }

  /** Runs a command of the guest's busybox. */
  private static void run(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .start();
    assertThat(process.waitFor()).as(List.of(command).toString()).isZero();
  }

  @Test
  void bind_thenUnbind_blockDeviceGoesAndComesBackWithItsData() throws IOException {
    byte[] mark = "written by the kernel's driver".getBytes(StandardCharsets.US_ASCII);
    try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(mark), 0);
      channel.force(true);
    }

    Nvmed.Result bound = Nvmed.run("bind", disk.toString());
    assertThat(bound.status()).as(bound.toString()).isZero();
    assertThat(bound.out()).contains(ADDRESS, "is bound to vfio-pci", group().toString());
    assertThat(PciDriver.of(DEVICE)).isEqualTo("vfio-pci");
    assertThat(group()).exists();
    assertThat(disk).doesNotExist();
    assertThat(Nvmed.run("bind", ADDRESS).out()).contains("is already bound to vfio-pci");

    Nvmed.Result unbound = Nvmed.run("unbind", ADDRESS);
    assertThat(unbound.status()).as(unbound.toString()).isZero();
    assertThat(PciDriver.of(DEVICE)).isEqualTo("nvme");
    assertThat(group()).doesNotExist();
    assertThat(Files.readString(PciDriver.sysfs(DEVICE).resolve("driver_override")).strip())
        .isEqualTo("(null)");
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME); // waits for the block device
    ByteBuffer read = ByteBuffer.allocate(mark.length);
    try (FileChannel channel = FileChannel.open(PciDriver.disk(DEVICE, 1))) {
      channel.read(read, 0);
    }
    assertThat(read.array()).isEqualTo(mark);
    assertThat(Nvmed.run("unbind", ADDRESS).out())
        .contains("is already bound to the kernel's driver");
  }

  @Test
  void bind_dryRun_changesNothing() throws IOException {
    Nvmed.Result result = Nvmed.run("bind", ADDRESS, "--dry-run");
    assertThat(result.status()).as(result.toString()).isZero();
    assertThat(result.out())
        .contains(
            "echo vfio-pci > /sys/bus/pci/devices/" + ADDRESS + "/driver_override",
            "echo " + ADDRESS + " > /sys/bus/pci/drivers_probe");
    assertThat(PciDriver.of(DEVICE)).isEqualTo("nvme");
    assertThat(disk).exists();
  }

  @Test
  void bind_heldOpen_isRefused() throws IOException {
    try (FileChannel _ = FileChannel.open(disk, StandardOpenOption.READ)) {
      assertRefused(
          Nvmed.run("bind", ADDRESS),
          disk.getFileName() + " is held open by",
          "(pid " + ProcessHandle.current().pid() + ")");
    }
  }

  /** As in a container, which has names of its own for devices. */
  @Test
  void bind_heldOpenByAnotherName_isRefused(@TempDir Path directory) throws Exception {
    String[] number =
        Files.readString(Path.of("/sys/class/block").resolve(disk.getFileName()).resolve("dev"))
            .strip()
            .split(":", 2);
    Path node = directory.resolve("xvda");
    run("busybox", "mknod", node.toString(), "b", number[0], number[1]);
    try (FileChannel _ = FileChannel.open(node, StandardOpenOption.READ)) {
      Files.delete(node);
      assertRefused(
          Nvmed.run("bind", ADDRESS),
          disk.getFileName() + " is held open by",
          "(pid " + ProcessHandle.current().pid() + ")");
    }
  }

  @Test
  void bind_mounted_isRefusedAndTheFileSystemGoesOn(@TempDir Path directory) throws Exception {
    Commands.run("mkfs.ext4", "-q", "-F", disk.toString());
    Commands.run("mount", "-t", "ext4", disk.toString(), directory.toString());
    try {
      assertRefused(Nvmed.run("bind", ADDRESS), disk.getFileName() + " is mounted at " + directory);
      assertThat(Nvmed.run("list").out()).containsPattern(ADDRESS + ".*mounted at " + directory);
      Files.writeString(directory.resolve("file"), "the kernel still has it");
      Commands.run("sync");
    } finally {
      Commands.run("umount", directory.toString());
    }
  }

  @Test
  void bind_swap_isRefusedAlsoWhereItCannotBeSeen() throws Exception {
    run("busybox", "mkswap", disk.toString());
    run("busybox", "swapon", disk.toString());
    try {
      assertRefused(Nvmed.run("bind", ADDRESS), disk.getFileName() + " is swap space");
      assertThat(Nvmed.run("list").out()).containsPattern(ADDRESS + ".*swap");
      // The kernel knows it all the same.
      run("busybox", "mount", "--bind", "/dev/null", "/proc/swaps");
      try {
        assertRefused(
            Nvmed.run("bind", ADDRESS), "is claimed by the kernel", "bound to the driver nvme");
      } finally {
        run("busybox", "umount", "/proc/swaps");
      }
    } finally {
      run("busybox", "swapoff", disk.toString());
    }
    try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(PAGE_BYTES), 0);
    }
  }

  @Test
  void unbind_groupOpen_isRefusedAndDoesNotHang() throws IOException {
    assertThat(Nvmed.run("bind", ADDRESS).status()).isZero();
    try (FileChannel _ =
        FileChannel.open(group(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      Nvmed.Result result = Nvmed.run("unbind", ADDRESS);
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.err())
          .contains("is held open by", "(pid " + ProcessHandle.current().pid() + ")");
      assertThat(PciDriver.of(DEVICE)).isEqualTo("vfio-pci");
    }
    assertThat(Nvmed.run("unbind", ADDRESS).status()).isZero();
  }

  @Test
  void doctor_boundDevice_isReady() {
    assertThat(Nvmed.run("bind", ADDRESS).status()).isZero();
    Nvmed.Result result = Nvmed.run("doctor");
    assertThat(result.status()).as(result.toString()).isZero();
    assertThat(result.out())
        .containsPattern("OK +IOMMU +on")
        .containsPattern("OK +" + ADDRESS + " +free")
        .contains("Ready for kernel bypass.");
  }
}
