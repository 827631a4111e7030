package io.nvmedirect.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import io.nvmedirect.linux.NativeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
  void of_partition_whatUsesTheWholeDiskCounts() throws IOException {
    machine.mountinfo("self", "30 22 259:0 / /data rw - ext4 /dev/nvme0n1 rw");
    assertRefused("dev/nvme0n1p2", "block device nvme0n1 is mounted at /data");
    machine.mountinfo("self", "30 22 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw");
    assertThatNoException().isThrownBy(() -> claim("dev/nvme0n1p2"));
    machine.process(812, "dd", "/dev/nvme0n1");
    assertRefused("dev/nvme0n1p2", "block device nvme0n1 is held open by dd (pid 812)");
  }

  @Test
  void of_fileOfAnotherName_isNoDevice() throws IOException {
    machine
        .mountinfo("self", "30 22 259:0 / /data rw - ext4 /dev/nvme0n1 rw")
        .file("data/nvme0n1", "");
    assertThatNoException().isThrownBy(() -> claim("data/nvme0n1"));
  }

  /** A loop device on it, which is mounted; known by the file, whatever it is called. */
  @Test
  void of_fileBelowALoopDevice_refusesAllItsNames() throws IOException {
    Path image = root.resolve("data/disk.img");
    machine
        .file("data/disk.img", "content")
        .loop("loop3", "7:3", image)
        .link("data/link", "disk.img")
        .mountinfo("self", "30 22 7:3 / /mnt rw - ext4 /dev/loop3 rw");
    Files.createLink(root.resolve("data/hard"), image);
    for (String name : List.of("data/disk.img", "data/link", "data/hard")) {
      assertRefused(
          name,
          "file %s is part of loop device loop3, loop device loop3 is mounted at /mnt"
              .formatted(root.resolve(name)));
    }
    assertThat(image).hasContent("content");
  }

  /** Both write to the one file. */
  @Test
  void of_loopDevice_refusesForAnotherOneOnItsFile() throws IOException {
    Path image = root.resolve("data/disk.img");
    machine
        .file("data/disk.img", "content")
        .loop("loop3", "7:3", image)
        .file("dev/loop3", "content");
    try (ExclusiveClaim claim = ExclusiveClaim.of(Roots.under(root), root.resolve("dev/loop3"))) {
      assertThat(claim.file()).hasToString(root.resolve("dev/loop3").toString());
      assertThatIOException()
          .as("what is below is claimed, too")
          .isThrownBy(() -> LockedFile.open(image))
          .withMessageContaining("is locked");
    }
    LockedFile.open(image).close();
    machine
        .loop("loop4", "7:4", image)
        .mountinfo("self", "30 22 7:4 / /mnt rw - ext4 /dev/loop4 rw");
    assertRefused(
        "dev/loop3",
        "file %s is part of loop device loop4, loop device loop4 is mounted at /mnt"
            .formatted(image));
  }

  /** The kernel does not claim what is below a loop device. */
  @Test
  void of_loopDeviceOnAMountedPartition_isRefused() throws IOException {
    Path node = root.resolve("dev/nvme0n1p1");
    machine
        .loop("loop3", "7:3", node)
        .file("dev/loop3", "")
        .mountinfo("self", "30 22 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw");
    assertRefused("dev/loop3", "partition nvme0n1p1 is mounted at /data");
  }

  @Test
  void of_swapFile_refusesIt() throws IOException {
    Path file = root.resolve("data/swap");
    machine
        .file("data/swap", "")
        .file("proc/swaps", "Filename Type Size Used Priority\n" + file + " file 1024 0 -2\n");
    assertRefused("data/swap", "file " + file + " is swap space");
  }

  /** EROFS and file systems in user space take files without a loop device. */
  @Test
  void of_fileThatIsMounted_refusesIt() throws IOException {
    Path file = root.resolve("data/root.erofs");
    machine
        .file("data/root.erofs", "")
        .mountinfo("self", "30 22 0:57 / /mnt ro - erofs " + file + " ro");
    assertRefused("data/root.erofs", "file " + file + " is mounted at /mnt");
  }

  @Test
  void of_lockedFile_isRefused() throws IOException {
    machine.file("data/disk.img", "");
    Path image = root.resolve("data/disk.img");
    try (LockedFile _ = LockedFile.open(image)) {
      assertThatIOException()
          .isThrownBy(() -> claim("data/disk.img"))
          .withMessageStartingWith(
              "another process or device has locked %s to write to it".formatted(image));
    }
    assertThatNoException().isThrownBy(() -> claim("data/disk.img"));
  }

  @Test
  void ofData_onlyFilesAndBlockDevices() throws IOException {
    machine.file("data/disk.img", "");
    Roots roots = Roots.under(root);
    assertThat(ExclusiveClaim.ofData(roots, Path.of("/dev/null"))).isNull();
    assertThat(ExclusiveClaim.ofData(roots, root.resolve("missing"))).isNull();
    assertThat(ExclusiveClaim.ofData(roots, root)).isNull();
    try (ExclusiveClaim claim = ExclusiveClaim.ofData(roots, root.resolve("data/disk.img"))) {
      assertThat(claim).isNotNull();
    }
  }

  /** As another device has it. */
  private record LockedFile(NativeFile file) implements AutoCloseable {

    static LockedFile open(Path path) throws IOException {
      NativeFile file = NativeFile.open(path);
      if (!file.tryLock()) {
        file.close();
        throw new IOException(path + " is locked");
      }
      return new LockedFile(file);
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
