package io.nvmedirect.sysfs;

import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of a block device by its path, on a machine whose devices are plain files. */
class ExclusiveClaimTest {

  private static final String ADDRESS = "0000:01:00.0";

  @TempDir Path root;
  private FakeMachine machine;

  @BeforeEach
  void newMachine() throws IOException {
    machine =
        new FakeMachine(root)
            .kernelController(ADDRESS, "nvme0", "nvme0n1")
            .partition(ADDRESS, "nvme0", "nvme0n1p1", "259:1")
            .partition(ADDRESS, "nvme0", "nvme0n1p2", "259:2")
            .file("dev/nvme0n1", "")
            .file("dev/nvme0n1p1", "")
            .file("dev/nvme0n1p2", "");
  }

  private void claim(String path) throws IOException {
    ExclusiveClaim.of(Roots.under(root), root.resolve(path)).close();
  }

  private void assertRefused(String path, String message) {
    assertThatIOException()
        .isThrownBy(() -> claim(path))
        .withMessage(
            "%s is in use: %s; nothing was written".formatted(root.resolve(path), message));
  }

  @Test
  void of_mountedPartition_refusesItAndTheWholeDisk() throws IOException {
    machine.mountinfo("self", "30 22 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw");
    assertRefused("dev/nvme0n1p1", "partition nvme0n1p1 is mounted at /data");
    assertRefused("dev/nvme0n1", "partition nvme0n1p1 is mounted at /data");
    assertThatNoException().isThrownBy(() -> claim("dev/nvme0n1p2"));
  }

  @Test
  void of_anotherNameOfTheDevice_refusesIt() throws IOException {
    machine
        .mountinfo("self", "30 22 259:0 / /data rw - ext4 /dev/nvme0n1 rw")
        .link("dev/disk/by-id/fast", "../../nvme0n1");
    assertRefused("dev/disk/by-id/fast", "block device nvme0n1 is mounted at /data");
  }

  @Test
  void of_partOfAVolume_refusesIt() throws IOException {
    machine
        .virtualBlock("dm-0", "253:0", "nvme0n1p2")
        .file("sys/devices/virtual/block/dm-0/dm/name", "vg0-root\n")
        .file("sys/devices/virtual/block/dm-0/dm/uuid", "LVM-abc\n");
    assertRefused("dev/nvme0n1p2", "partition nvme0n1p2 is part of LVM volume vg0-root (dm-0)");
  }

  @Test
  void of_heldOpen_refusesIt() throws IOException {
    machine.process(812, "qemu").link("proc/812/fd/3", "/dev/nvme0n1");
    assertRefused("dev/nvme0n1", "block device nvme0n1 is held open by qemu (pid 812)");
    long own = ProcessHandle.current().pid();
    Files.delete(root.resolve("proc/812/fd/3"));
    machine.process((int) own, "java").link("proc/" + own + "/fd/3", "/dev/nvme0n1");
    assertThatNoException().isThrownBy(() -> claim("dev/nvme0n1"));
  }

  @Test
  void of_plainFile_claimsNothing() throws IOException {
    machine
        .mountinfo("self", "30 22 259:0 / /data rw - ext4 /dev/nvme0n1 rw")
        .file("data/nvme0n1", "");
    assertThatNoException().isThrownBy(() -> claim("data/nvme0n1"));
  }
}
