package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.DeviceOptions;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks and images that the kernel or somebody else uses: refused to writers, who learn by whom, and read. */
@Timeout(240)
final class InUseGuestTest {

  private static final int IMAGE_BYTES = 16 << 20;
  private static final DeviceOptions READ_ONLY = DeviceOptions.defaults().withReadOnly(true);

  @TempDir Path directory;
  private Path image = Path.of("image");
  private Path place = Path.of("place");

  /** What ends the uses that a test has begun, the last one first. */
  private final Deque<String[]> undo = new ArrayDeque<>();

  @BeforeEach
  void makeImage() throws IOException {
    image = Files.write(directory.resolve("disk.img"), new byte[IMAGE_BYTES]);
    place = Files.createDirectory(directory.resolve("place"));
  }

  @AfterEach
  void undo() throws Exception {
    for (String[] command : undo) {
      Commands.run(command);
    }
  }

  // ---- The machine.

  private Path loop(Path file) throws Exception {
    String node = Commands.run("busybox", "losetup", "-f").strip();
    Commands.run("busybox", "losetup", node, file.toString());
    undo.push(new String[] {"busybox", "losetup", "-d", node});
    return Path.of(node);
  }

  private static void makeFileSystem(Path disk) throws Exception {
    // So that the kernel writes nothing by itself.
    Commands.run(
        "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.toString());
  }

  private void mount(Path disk) throws Exception {
    Commands.run("mount", "-t", "ext4", "-o", "noatime", disk.toString(), place.toString());
    undo.push(new String[] {"umount", place.toString()});
    Files.writeString(place.resolve("file"), "the kernel has it");
    Commands.run("sync");
  }

  private static boolean runs(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return process.waitFor() == 0;
  }

  private static long digest(Path disk) throws IOException {
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    try (FileChannel channel = FileChannel.open(disk)) {
      while (channel.read(buffer.clear()) > 0) {
        crc.update(buffer.flip());
      }
    }
    return crc.getValue();
  }

  // ---- What is expected.

  private static void assertRefused(Path disk, String... words) {
    String address = "file:" + disk;
    assertThatThrownBy(() -> NvmeDevice.open(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageStartingWith(address)
        .hasMessageContaining(disk + " is in use: ")
        .hasMessageContainingAll(words);
    assertThatThrownBy(() -> NvmeServer.open(address, ServeOptions.defaults()))
        .isInstanceOf(NvmeException.class)
        .hasMessageContainingAll(words);
  }

  /** Every verb that changes data, and each other one. */
  private void assertVerbs(Path disk, String... words) throws Exception {
    long before = digest(disk);
    Path input = directory.resolve("input");
    byte[] bytes = new byte[3 << 20];
    new Random(1).nextBytes(bytes);
    Files.write(input, bytes);
    String address = "file:" + disk;
    Path job =
        Files.writeString(
            directory.resolve("job.fio"),
            "[global]\nfilename=%s\nio_size=64k\n[r]\nrw=read\n[w]\nstonewall\nrw=write\n"
                .formatted(address));
    for (List<String> line :
        List.of(
            List.of("write", address, "--input", input.toString()),
            List.of("copy", input.toString(), address),
            List.of("copy", "mem:4MiB", address),
            List.of("copy", "mem:4MiB", disk.toString()),
            List.of("read", "mem:4MiB", "--length", "4k", "--output", disk.toString()),
            List.of("discard", address, "--offset", "0", "--length", "1MiB"),
            List.of("format", address, "--lba", "4096", "--force"),
            List.of("serve", "vfio-user:" + directory.resolve("socket"), "--device", address),
            List.of("bench", address, "--rw", "randwrite", "--io-size", "64k"),
            List.of("bench", job.toString()),
            List.of(
                "bench",
                disk.toString(),
                "--engine",
                "filechannel",
                "--rw",
                "write",
                "--io-size",
                "64k"))) {
      Nvmed.Result result = Nvmed.run(line.toArray(String[]::new));
      assertThat(result.status()).as(line + ": " + result).isEqualTo(1);
      assertThat(result.err()).as(line.toString()).contains("is in use: ").contains(words);
      assertThat(digest(disk)).as(line.toString()).isEqualTo(before);
    }
    for (List<String> line :
        List.of(
            List.of("info", address),
            List.of("smart", address),
            List.of("flush", address),
            List.of(
                "read",
                address,
                "--length",
                "1MiB",
                "--output",
                directory.resolve("out").toString()),
            List.of("copy", address, directory.resolve("copy").toString(), "--verify"),
            List.of("copy", address, "mem:64MiB", "--verify"),
            List.of("bench", address, "--rw", "randread,read", "--io-size", "64k"),
            List.of(
                "bench",
                disk.toString(),
                "--engine",
                "filechannel",
                "--rw",
                "read",
                "--io-size",
                "64k"))) {
      Nvmed.Result result = Nvmed.run(line.toArray(String[]::new));
      assertThat(result.status()).as(line + ": " + result).isZero();
    }
    assertThat(digest(directory.resolve("copy"))).isEqualTo(before);
    NvmeServer.open(address, ServeOptions.defaults().withReadOnly(true)).close();
    assertThat(digest(disk)).isEqualTo(before);
  }

  /** It is written to, and nobody can mount it meanwhile. */
  private static void assertFree(Path disk) throws IOException {
    byte[] bytes = new byte[4096];
    new Random(2).nextBytes(bytes);
    try (NvmeDevice device = NvmeDevice.open("file:" + disk);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      handle.write(MemorySegment.ofArray(bytes), 0);
      handle.flush();
    }
    try (FileChannel channel = FileChannel.open(disk)) {
      ByteBuffer read = ByteBuffer.allocate(4096);
      channel.read(read);
      assertThat(read.array()).isEqualTo(bytes);
    }
  }

  private void end() throws Exception {
    Commands.run(undo.pop());
  }

  // ---- Disks.

  @Test
  void mounted_noVerbWritesAndAllRead() throws Exception {
    Path disk = loop(image);
    makeFileSystem(disk);
    mount(disk);
    String reason = "loop device %s is mounted at %s".formatted(disk.getFileName(), place);
    assertRefused(disk, reason);
    assertVerbs(disk, reason);
    end();
    Commands.run("e2fsck", "-fn", disk.toString());
    assertFree(disk);
  }

  /** A file with a loop device is the same disk, whatever it is called. */
  @Test
  void imageOfAMountedLoopDevice_noVerbWritesAndAllRead() throws Exception {
    Path disk = loop(image);
    makeFileSystem(disk);
    mount(disk);
    String[] reasons = {
      "is part of loop device " + disk.getFileName(),
      "loop device %s is mounted at %s".formatted(disk.getFileName(), place)
    };
    assertRefused(Files.createSymbolicLink(directory.resolve("link"), image), reasons);
    Path hard = Files.createLink(directory.resolve("hard"), image);
    assertRefused(hard, reasons);
    assertVerbs(image, reasons);
    Files.delete(image);
    assertRefused(hard, reasons);
    end();
    assertRefused(hard, reasons[0]);
    end();
    Commands.run("e2fsck", "-fn", hard.toString());
    assertFree(hard);
  }

  @Test
  void secondLoopDeviceOnAnImage_isRefused() throws Exception {
    Path first = loop(image);
    makeFileSystem(first);
    mount(first);
    Path second = loop(image);
    assertRefused(second, "is part of loop device " + first.getFileName(), "mounted at " + place);
  }

  @Test
  void openImage_itsLoopDeviceIsRefused() throws Exception {
    try (NvmeDevice _ = NvmeDevice.open("file:" + image)) {
      Path disk = loop(image);
      assertThatThrownBy(() -> NvmeDevice.open("file:" + disk))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("has locked " + image);
    }
  }

  @Test
  void swap_diskAndFile_areRefused() throws Exception {
    Path disk = loop(image);
    Commands.run("busybox", "mkswap", disk.toString());
    Commands.run("busybox", "swapon", disk.toString());
    undo.push(new String[] {"busybox", "swapoff", disk.toString()});
    String reason = "loop device %s is swap space".formatted(disk.getFileName());
    assertRefused(disk, reason);
    assertRefused(image, reason);
    assertVerbs(disk, reason);
    end();
    assertFree(disk);
  }

  @Test
  void partOfAnArray_isRefused() throws Exception {
    Path disk = loop(image);
    Files.writeString(Path.of("/sys/module/md_mod/parameters/new_array"), "md127");
    Path md = Path.of("/sys/block/md127/md");
    undo.push(new String[] {"sh", "-c", "echo clear >" + md + "/array_state"});
    Files.writeString(md.resolve("metadata_version"), "none");
    Files.writeString(md.resolve("level"), "raid1");
    Files.writeString(md.resolve("raid_disks"), "1");
    String number =
        Files.readString(Path.of("/sys/class/block/" + disk.getFileName() + "/dev")).strip();
    Files.writeString(md.resolve("new_dev"), number);
    Files.writeString(md.resolve("dev-" + disk.getFileName() + "/slot"), "0");
    Files.writeString(md.resolve("component_size"), String.valueOf(IMAGE_BYTES >> 10));
    Files.writeString(md.resolve("array_state"), "active");
    Path array = Path.of("/dev/md127");
    makeFileSystem(array);
    mount(array);
    assertRefused(
        disk,
        "loop device %s is part of MD array md127 (raid1)".formatted(disk.getFileName()),
        "MD array md127 (raid1) is mounted at " + place);
    assertRefused(array, "MD array md127 (raid1) is mounted at " + place);
    assertRefused(image, "mounted at " + place);
  }

  @Test
  void heldOpen_namesTheProcess() throws Exception {
    Path disk = loop(image);
    Process holder = new ProcessBuilder("sleep", "1000").redirectInput(disk.toFile()).start();
    try {
      assertRefused(disk, "is held open by sleep (pid %d)".formatted(holder.pid()));
      assertVerbs(disk, "is held open by sleep (pid %d)".formatted(holder.pid()));
    } finally {
      holder.destroyForcibly().waitFor();
    }
    assertFree(disk);
  }

  @Test
  void mountedInAnotherNamespaceOnly_isRefused() throws Exception {
    Path disk = loop(image);
    makeFileSystem(disk);
    Process holder =
        new ProcessBuilder(
                "busybox",
                "unshare",
                "-m",
                "sh",
                "-c",
                "mount -t ext4 %s %s && echo mounted && exec sleep 1000".formatted(disk, place))
            .start();
    try {
      assertThat(holder.inputReader().readLine()).isEqualTo("mounted");
      assertRefused(
          disk,
          "mounted at %s in the mount namespace of".formatted(place),
          "(pid %d)".formatted(holder.pid()));
      assertThatNoException().isThrownBy(() -> NvmeDevice.open("file:" + disk, READ_ONLY).close());
    } finally {
      holder.destroyForcibly().waitFor();
    }
  }

  /** Another name of the device, as a container has it. */
  @Test
  void anotherNode_isRefused() throws Exception {
    Path disk = loop(image);
    makeFileSystem(disk);
    mount(disk);
    String[] number =
        Files.readString(Path.of("/sys/class/block/" + disk.getFileName() + "/dev"))
            .strip()
            .split(":", 2);
    Path node = directory.resolve("xvda");
    Commands.run("busybox", "mknod", node.toString(), "b", number[0], number[1]);
    assertRefused(node, "mounted at " + place);
  }

  // ---- While it is open.

  @Test
  void open_nobodyCanMountIt() throws Exception {
    Path disk = loop(image);
    makeFileSystem(disk);
    String[] mount = {"mount", "-t", "ext4", disk.toString(), place.toString()};
    try (NvmeDevice _ = NvmeDevice.open("file:" + disk)) {
      assertThat(runs(mount)).isFalse();
      assertThat(Nvmed.run("write", "file:" + disk, "--input", image.toString()).err())
          .contains("loop device %s is held open by".formatted(disk.getFileName()))
          .contains("(pid %d)".formatted(ProcessHandle.current().pid()));
    }
    try (NvmeServer _ = NvmeServer.open("file:" + disk, ServeOptions.defaults())) {
      assertThat(runs(mount)).isFalse();
    }
    try (NvmeDevice _ = NvmeDevice.open("file:" + disk, READ_ONLY)) {
      mount(disk);
    }
  }

  @Test
  void killed_othersCanMountIt() throws Exception {
    Path disk = loop(image);
    makeFileSystem(disk);
    Process process = ChildJvm.start(Holder.class, "file:" + disk);
    try {
      assertThat(process.inputReader().readLine()).isEqualTo("open");
      assertThat(runs("mount", "-t", "ext4", disk.toString(), place.toString())).isFalse();
      assertRefused(disk, "is held open by java (pid %d)".formatted(process.pid()));
    } finally {
      process.destroyForcibly().waitFor();
    }
    mount(disk);
  }

  /** Has a device open until it is killed. */
  static final class Holder {

    private Holder() {}

    public static void main(String[] arguments) throws Exception {
      try (NvmeDevice _ = NvmeDevice.open(arguments[0])) {
        System.out.println("open");
        Thread.sleep(Long.MAX_VALUE);
      }
    }
  }

  // ---- Partitions.

  /** An MBR with one partition of Linux, from 1 MiB on. */
  private static Path partition(Path disk) throws Exception {
    byte[] record = new byte[512];
    ByteBuffer entry = ByteBuffer.wrap(record).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    entry.put(446 + 4, (byte) 0x83).putInt(446 + 8, 2048).putInt(446 + 12, 32768);
    entry.putShort(510, (short) 0xAA55);
    try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(record), 0);
      channel.force(true);
    }
    Commands.run("busybox", "blockdev", "--rereadpt", disk.toString());
    return Path.of(disk + "p1");
  }

  @Test
  void partitionAndWholeDisk_areInUseTogether() throws Exception {
    PciDriver.bind(GuestDevice.SHARED_A, GuestDevice.Driver.NVME);
    Path disk = PciDriver.disk(GuestDevice.SHARED_A, 1);
    Path partition = partition(disk);
    try {
      makeFileSystem(partition);
      mount(partition);
      String reason = "partition %s is mounted at %s".formatted(partition.getFileName(), place);
      assertRefused(disk, reason);
      assertRefused(partition, reason);
      end();
      try (NvmeDevice _ = NvmeDevice.open("file:" + disk)) {
        assertThatThrownBy(() -> NvmeDevice.open("file:" + partition))
            .isInstanceOf(NvmeException.class)
            .hasMessageContaining(disk.getFileName() + " is held open by");
        assertThat(runs("mount", "-t", "ext4", partition.toString(), place.toString())).isFalse();
      }
      try (NvmeDevice _ = NvmeDevice.open("file:" + partition)) {
        assertThatThrownBy(() -> NvmeDevice.open("file:" + disk))
            .isInstanceOf(NvmeException.class)
            .hasMessageContaining(partition.getFileName() + " is held open by");
      }
      assertFree(partition);
    } finally {
      while (!undo.isEmpty()) {
        end();
      }
      try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
        channel.write(ByteBuffer.allocate(512), 0);
      }
      Commands.run("busybox", "blockdev", "--rereadpt", disk.toString());
    }
  }

  // ---- Blocks that are larger than the namespace's.

  @Test
  void deallocating_aDiskOfLargerBlocks_takesExactlyWhatIsNamed() throws Exception {
    GuestDevice guest = GuestDevice.LBA_4096;
    PciDriver.bind(guest, GuestDevice.Driver.NVME);
    try (Arena arena = Arena.ofShared()) {
      Path disk = PciDriver.disk(guest, 1);
      byte[] content = new byte[1 << 20];
      new Random(3).nextBytes(content);
      try (NvmeDevice device = NvmeDevice.open("file:" + disk)) {
        assertThat(device.blockBytes()).isEqualTo(512);
        try (NvmeQueue queue = device.createQueue();
            NvmeHandle handle = queue.createHandle()) {
          MemorySegment read = arena.allocate(content.length);
          handle.write(MemorySegment.ofArray(content), 0);
          for (int[] range :
              new int[][] {{512, 512}, {7680, 1024}, {12800, 20480}, {65536, 8192}, {81920, 512}}) {
            handle.discard(range[0], range[1]);
            handle.writeZeroes(range[0] + 300 * 1024, range[1]);
            Arrays.fill(content, range[0], range[0] + range[1], (byte) 0);
            Arrays.fill(content, range[0] + 300 * 1024, range[0] + 300 * 1024 + range[1], (byte) 0);
          }
          handle.read(read, 0);
          assertThat(read.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(content);
        }
        device.format(4096);
        assertThat(device.blockBytes()).isEqualTo(4096);
      }
      try (FileChannel channel = FileChannel.open(disk)) {
        ByteBuffer read = ByteBuffer.allocate(content.length);
        channel.read(read);
        assertThat(read.array()).as("formatted").containsOnly(0);
      }
    } finally {
      PciDriver.bind(guest, guest.driver());
    }
  }

  // ---- Without the right to write.

  @Test
  void ordinaryUser_readsWhatIsNotHisToWrite() throws Exception {
    byte[] content = new byte[1 << 20];
    new Random(4).nextBytes(content);
    Path file = Files.write(Path.of("/tmp/readable.img"), content);
    try {
      Commands.run("chmod", "0444", file.toString());
      ChildJvm.Result read = ChildJvm.runAsUser("unlimited", Reader.class, "file:" + file);
      assertThat(read.status()).as(read.output()).isZero();
      assertThat(read.output())
          .contains("no permission to write " + file, "read " + Arrays.hashCode(content));
    } finally {
      Files.delete(file);
    }
  }

  /** Tries to open a device to write, and reads it. */
  static final class Reader {

    private Reader() {}

    public static void main(String[] arguments) throws IOException {
      try (NvmeDevice _ = NvmeDevice.open(arguments[0])) {
        System.out.println("writable");
      } catch (NvmeException e) {
        System.out.println(e.getMessage());
      }
      try (NvmeDevice device = NvmeDevice.open(arguments[0], READ_ONLY);
          NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        MemorySegment read = Arena.ofAuto().allocate(device.sizeBytes());
        handle.read(read, 0);
        System.out.println("read " + Arrays.hashCode(read.toArray(ValueLayout.JAVA_BYTE)));
      }
    }
  }
}
