package io.nvmedirect.vmtest.machine;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * The part of the guest's file system that rarely changes: busybox, a Java runtime, kernel modules and some
 * programs. It is kept beside the kernel, under a name that depends on everything it is made of.
 */
final class BaseImage {

  /** To be raised when this class makes something else of the same. */
  private static final int RECIPE = 1;

  /**
   * Those of the library and its command line, of JUnit, which finds the classes of a jar by zipfs, and of
   * AssertJ; and jcmd, to look into a guest.
   */
  private static final String JAVA_MODULES =
      "java.base,java.instrument,java.logging,java.management,java.xml,jdk.attach,jdk.jcmd,"
          + "jdk.management,jdk.unsupported,jdk.zipfs";

  /** In the order of loading. Checksums first: what needs them asks the kernel for them by other names. */
  private static final List<String> KERNEL_MODULES =
      List.of(
          "virtio_pci",
          "virtio_console",
          "crc32c_generic?",
          "crc64_rocksoft_generic?",
          "crct10dif_generic?",
          "ext4",
          "loop",
          "raid1",
          "vfio_iommu_type1",
          "vfio-pci",
          "nvme");

  private static final List<String> PROGRAMS = List.of("mkfs.ext4", "e2fsck");

  /** In the guest only if the host has them. */
  private static final List<String> OPTIONAL_PROGRAMS = List.of("fio");

  private static final String JAVA = "/opt/java";

  /** Within the process: a file lock belongs to all of it, and a second one is an exception. */
  private static final Lock MAKING = new ReentrantLock();

  private final Path kernel;
  private final Path javaHome;
  private final Path busybox;
  private final List<Path> programs = new ArrayList<>();

  /**
   * @param kernel the unpacked kernel, in the directory of the cache
   * @throws VirtualMachineMissing if the host lacks a program
   */
  BaseImage(Path kernel, Path javaHome) throws VirtualMachineMissing {
    this.kernel = kernel;
    this.javaHome = javaHome;
    this.busybox = required("busybox");
    for (String program : PROGRAMS) {
      programs.add(required(program));
    }
    for (String program : OPTIONAL_PROGRAMS) {
      Path path = Programs.find(program);
      if (path != null) {
        programs.add(path);
      }
    }
    if (!Files.isExecutable(jlink())) {
      throw new VirtualMachineMissing("the JDK at %s has no jlink".formatted(javaHome));
    }
  }

  private static Path required(String program) throws VirtualMachineMissing {
    Path path = Programs.find(program);
    if (path == null) {
      throw new VirtualMachineMissing("no program " + program);
    }
    return path;
  }

  private Path jlink() {
    return javaHome.resolve("bin/jlink");
  }

  /** The kernel itself. */
  Path kernelImage() throws IOException {
    return only(kernel.resolve("boot"), "vmlinuz-*");
  }

  /** The archive. Made if it is not there, by one thread of one process at a time. */
  Path archive() throws IOException {
    MAKING.lock();
    try {
      return lockedArchive();
    } finally {
      MAKING.unlock();
    }
  }

  private Path lockedArchive() throws IOException {
    Path cache = parent(kernel);
    Path archive = cache.resolve("base-%s.cpio".formatted(key()));
    try (FileChannel lock =
            FileChannel.open(
                cache.resolve("base.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        var _ = lock.lock()) {
      if (!Files.exists(archive)) {
        removeOthers(cache);
        Path directory = Files.createTempDirectory(cache, "base.");
        try {
          Path made = directory.resolve("base.cpio");
          make(made, directory.resolve("java"));
          Files.move(made, archive, StandardCopyOption.ATOMIC_MOVE);
        } finally {
          Directories.delete(directory);
        }
      }
    }
    return archive;
  }

  /** What others made, and what is left of those that were killed while they did. */
  private static void removeOthers(Path cache) throws IOException {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(cache, "base{.*,-*.cpio}")) {
      for (Path path : left) {
        if (!path.endsWith("base.lock")) {
          Directories.delete(path);
        }
      }
    }
  }

  private void make(Path archive, Path java) throws IOException {
    Programs.runWell(
        List.of(
            jlink().toString(),
            "--add-modules",
            JAVA_MODULES,
            "--no-header-files",
            "--no-man-pages",
            "--generate-cds-archive",
            "--output",
            java.toString()));
    List<Path> linked = new ArrayList<>(programs);
    linked.add(busybox);
    try (Stream<Path> files = Files.walk(java)) {
      files
          .filter(file -> file.toString().endsWith(".so") || isIn("bin", file))
          .filter(Files::isRegularFile)
          .forEach(linked::add);
    }
    try (CpioWriter cpio =
        new CpioWriter(new BufferedOutputStream(Files.newOutputStream(archive), 1 << 16))) {
      cpio.file("/bin/busybox", busybox);
      cpio.link("/bin/sh", "busybox");
      cpio.tree(JAVA, java);
      for (Path program : programs) {
        cpio.file("/usr/sbin/" + program.getFileName(), program);
      }
      for (Path library : SharedLibraries.of(linked, java)) {
        cpio.file(library.toString(), library);
      }
      StringBuilder list = new StringBuilder();
      for (Path module : modules()) {
        String path = "/lib/modules/" + KernelModules.plainName(module);
        cpio.file(path, KernelModules.content(module));
        list.append(path).append('\n');
      }
      cpio.file("/vm/modules", list.toString(), false);
      cpio.file(
          "/etc/passwd",
          "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n",
          false);
      cpio.file("/etc/group", "root:x:0:\nuser:x:1000:\n", false);
      cpio.link("/etc/mtab", "/proc/mounts");
    }
  }

  private Set<Path> modules() throws IOException {
    return new KernelModules(only(kernel.resolve("lib/modules"), "*")).order(KERNEL_MODULES);
  }

  private static boolean isIn(String directory, Path file) {
    return String.valueOf(parent(file).getFileName()).equals(directory);
  }

  private static Path only(Path directory, String glob) throws IOException {
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory, glob)) {
      for (Path path : paths) {
        return path;
      }
    }
    throw new IOException("no %s in %s".formatted(glob, directory));
  }

  private static Path parent(Path path) {
    return path.toAbsolutePath().resolveSibling(".").normalize();
  }

  private String key() throws IOException {
    StringBuilder made = new StringBuilder();
    made.append(RECIPE).append(JAVA_MODULES).append(KERNEL_MODULES).append(kernel.getFileName());
    made.append(Files.readString(javaHome.resolve("release")));
    List<Path> files = new ArrayList<>(programs);
    files.add(busybox);
    for (Path file : files) {
      made.append(file).append(Files.size(file)).append(Files.getLastModifiedTime(file));
    }
    return hash(made.toString()).substring(0, 16);
  }

  private static String hash(String text) {
    try {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
