package io.nvmedirect.sysfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UsesTest {

  private static final String ADDRESS = "0000:01:00.0";

  @TempDir Path root;
  private FakeMachine machine;

  @BeforeEach
  void newMachine() throws IOException {
    machine =
        new FakeMachine(root)
            .kernelController(ADDRESS, "nvme0", "nvme0n1")
            .partition(ADDRESS, "nvme0", "nvme0n1p1", "259:1")
            .partition(ADDRESS, "nvme0", "nvme0n1p2", "259:2");
  }

  private List<String> sentences() throws IOException {
    return machine.devices().find(ADDRESS).uses().stream().map(Use::sentence).toList();
  }

  @Test
  void mounted_byNumberSoThatBindMountsCount() throws IOException {
    machine.mountinfo(
        "self",
        "30 22 259:1 / /boot/efi rw,relatime shared:4 - vfat /dev/whatever rw",
        "31 22 259:1 /sub /my\\040files rw shared:5 master:2 - vfat /dev/whatever rw",
        "32 22 259:11 / /other rw - ext4 /dev/nvme1n1 rw");
    assertThat(sentences())
        .containsExactly(
            "partition nvme0n1p1 is mounted at /boot/efi",
            "partition nvme0n1p1 is mounted at /my files");
    Use use = machine.devices().find(ADDRESS).uses().getFirst();
    assertThat(use.kind()).isEqualTo(Use.Kind.MOUNTED);
    assertThat(use.namespace()).isEqualTo("nvme0n1");
    assertThat(use.device()).isEqualTo("nvme0n1p1");
    assertThat(use.brief()).isEqualTo("mounted at /boot/efi");
  }

  @Test
  void mounted_btrfs_hasNumberOfNoDevice() throws IOException {
    machine.mountinfo("self", "30 22 0:45 /@ /data rw - btrfs /dev/nvme0n1p2 rw");
    assertThat(sentences()).containsExactly("partition nvme0n1p2 is mounted at /data");
  }

  @Test
  void mounted_btrfsOnSeveralDevices_namesAnother() throws IOException {
    machine
        .mountinfo("self", "30 22 0:45 / /data rw - btrfs /dev/sdb1 rw")
        .link("sys/fs/btrfs/1234/devices/sdb1", "../../../../class/block/sdb1")
        .link("sys/fs/btrfs/1234/devices/nvme0n1p2", "../../../../class/block/nvme0n1p2");
    assertThat(sentences()).containsExactly("partition nvme0n1p2 is mounted at /data");
  }

  @Test
  void mounted_elsewhere_namesTheProcess() throws IOException {
    machine
        .process(9, "sh")
        .process(812, "dockerd")
        .process(900, "app")
        .link("proc/self/ns/mnt", "mnt:[1]")
        .link("proc/9/ns/mnt", "mnt:[1]")
        .link("proc/812/ns/mnt", "mnt:[2]")
        .link("proc/900/ns/mnt", "mnt:[2]")
        .mountinfo("9", "30 22 259:2 / /must-not-be-read rw - ext4 /dev/nvme0n1p2 rw")
        .mountinfo("812", "30 22 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw")
        .mountinfo("900", "30 22 259:1 / /data rw - ext4 /dev/nvme0n1p1 rw");
    assertThat(sentences())
        .containsExactly(
            "partition nvme0n1p1 is mounted at /data in the mount namespace of dockerd (pid 812)");
  }

  @Test
  void swap_partitionAndVolume() throws IOException {
    machine
        .virtualBlock("dm-0", "253:0", "nvme0n1p2")
        .file("sys/devices/virtual/block/dm-0/dm/name", "vg0-swap\n")
        .file("sys/devices/virtual/block/dm-0/dm/uuid", "LVM-abc\n")
        .file("dev/dm-0", "")
        .link("dev/mapper/vg0-swap", "../dm-0")
        .file(
            "proc/swaps",
            """
            Filename\t\t\t\tType\t\tSize\tUsed\tPriority
            /dev/nvme0n1p1                          partition\t1024\t0\t-2
            /dev/mapper/vg0-swap                    partition\t1024\t0\t-3
            """);
    assertThat(sentences())
        .containsExactly(
            "partition nvme0n1p1 is swap space",
            "partition nvme0n1p2 is part of LVM volume vg0-swap (dm-0)",
            "LVM volume vg0-swap (dm-0) is swap space");
  }

  @Test
  void held_throughSeveralLayers() throws IOException {
    machine
        .virtualBlock("md0", "9:0", "nvme0n1p2")
        .file("sys/devices/virtual/block/md0/md/level", "raid1\n")
        .virtualBlock("dm-1", "253:1", "md0")
        .file("sys/devices/virtual/block/dm-1/dm/name", "secret\n")
        .file("sys/devices/virtual/block/dm-1/dm/uuid", "CRYPT-LUKS2-1\n")
        .mountinfo("self", "30 22 253:1 / / rw - ext4 /dev/mapper/secret rw")
        .process(7, "qemu", "/dev/md0");
    assertThat(sentences())
        .containsExactly(
            "partition nvme0n1p2 is part of MD array md0 (raid1)",
            "MD array md0 (raid1) is held open by qemu (pid 7)",
            "MD array md0 (raid1) is part of encrypted device secret (dm-1)",
            "encrypted device secret (dm-1) is mounted at /");
  }

  @Test
  void held_partitionOfAnArrayIsMounted() throws IOException {
    machine
        .virtualBlock("md0", "9:0", "nvme0n1")
        .file("sys/devices/virtual/block/md0/md/level", "raid0\n")
        .block("sys/devices/virtual/block/md0/md0p1", "md0p1", "259:20")
        .file("sys/devices/virtual/block/md0/md0p1/partition", "1\n")
        .mountinfo("self", "30 22 259:20 / /srv rw - xfs /dev/md0p1 rw");
    assertThat(sentences())
        .containsExactly(
            "namespace nvme0n1 is part of MD array md0 (raid0)",
            "partition md0p1 is mounted at /srv");
  }

  @Test
  void held_sameVolumeOnTwoPartitions_isVisitedOnce() throws IOException {
    machine
        .virtualBlock("dm-0", "253:0", "nvme0n1p1")
        .file("sys/devices/virtual/block/dm-0/dm/name", "vg0-root\n")
        .link(
            "sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2/holders/dm-0",
            "../../../../../../../virtual/block/dm-0")
        .mountinfo("self", "30 22 253:0 / / rw - ext4 /dev/dm-0 rw");
    assertThat(sentences())
        .containsExactly(
            "partition nvme0n1p1 is part of device-mapper device vg0-root (dm-0)",
            "device-mapper device vg0-root (dm-0) is mounted at /",
            "partition nvme0n1p2 is part of device-mapper device vg0-root (dm-0)");
  }

  @Test
  void held_byBcacheAndLoop() throws IOException {
    machine
        .virtualBlock("bcache0", "252:0", "nvme0n1p1")
        .block("sys/devices/virtual/block/loop3", "loop3", "7:3")
        .file("sys/devices/virtual/block/loop3/loop/backing_file", "/dev/nvme0n1p2\n");
    assertThat(sentences())
        .containsExactly(
            "partition nvme0n1p1 is part of bcache device bcache0",
            "partition nvme0n1p2 is part of loop device loop3");
  }

  @Test
  void open_everyNode() throws IOException {
    machine
        .process(100, "fio", "/dev/nvme0n1", "/dev/nvme0n1", "socket:[5]", "/dev/other")
        .process(20, "nvme", "/dev/nvme0")
        .process(30, "spdk", "/dev/ng0n1")
        .process(40, "dd", "/dev/nvme0n1p2", "/dev/nvme0n10");
    assertThat(sentences())
        .containsExactly(
            "controller nvme0 is held open by nvme (pid 20)",
            "namespace nvme0n1 is held open by fio (pid 100)",
            "namespace ng0n1 is held open by spdk (pid 30)",
            "partition nvme0n1p2 is held open by dd (pid 40)");
  }

  @Test
  void strangeFiles_areNoUse() throws IOException {
    machine
        .mountinfo("self", "", "nonsense", "1 2 3 4 5", "- - - - - -")
        .file("proc/swaps", "")
        .file("proc/12/fd", "not a directory")
        .file("proc/self/fd/1", "not a link");
    assertThat(sentences()).isEmpty();
  }
}
