package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.GuestDevice;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The part of the guest's file system that is made for each run: classes, jars, and what to do. */
final class ProjectImage {

  /**
   * Serial GC, for the heap is small; only the first compiler, for under emulation the second one costs more
   * than its code saves in a run of minutes. C libraries are called by unnamed code.
   */
  private static final List<String> JAVA_OPTIONS =
      List.of(
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Xmx768m",
          "-XX:ErrorFile=/tmp/hs_err.log",
          "-Xshare:auto",
          "-XX:+EnableDynamicAgentLoading",
          "--enable-native-access=ALL-UNNAMED");

  private final List<Path> classPath;
  private final GuestCommand command;

  /** With a class path of the host: jars and directories of classes. */
  ProjectImage(String classPath, GuestCommand command) {
    this.classPath =
        Stream.of(classPath.split(File.pathSeparator)).map(Path::of).filter(Files::exists).toList();
    this.command = command;
  }

  /** Writes the archive, and closes the stream. */
  void write(OutputStream out) throws IOException {
    try (CpioWriter cpio = new CpioWriter(out)) {
      String guestPath = classes(cpio);
      cpio.file("/init", init(), true);
      cpio.file("/vm/vfio", vfioAddresses(), false);
      cpio.file("/vm/command", command.shell() ? "shell" : "tests", false);
      cpio.file("/vm/terminal", terminal(), false);
      List<String> java = new ArrayList<>(JAVA_OPTIONS);
      java.add("-cp");
      java.add(guestPath);
      java.add("io.nvmedirect.vmtest.runner.GuestMain");
      java.add("/dev/report");
      java.add(Integer.toString(command.limitSeconds()));
      java.add(Integer.toString(command.part()));
      java.addAll(command.tests());
      cpio.file("/vm/java.args", String.join("\n", java) + "\n", false);
      cpio.file(
          "/bin/nvmed",
          """
          #!/bin/sh
          exec java %s -cp '%s' io.nvmedirect.cli.Main "$@"
          """
              .formatted(String.join(" ", JAVA_OPTIONS), guestPath),
          true);
    }
  }

  /** Adds the class path, and gives what it is in the guest. */
  private String classes(CpioWriter cpio) throws IOException {
    List<String> paths = new ArrayList<>();
    for (Path path : classPath) {
      // The number keeps apart what has the same name, such as target/classes of two modules.
      String guest = "/opt/app/%02d-%s".formatted(paths.size(), path.getFileName());
      if (Files.isDirectory(path)) {
        cpio.tree(guest, path);
      } else {
        cpio.file(guest, path);
      }
      paths.add(guest);
    }
    return String.join(":", paths);
  }

  private static String vfioAddresses() {
    return Stream.of(GuestDevice.values())
        .filter(device -> device.driver() == GuestDevice.Driver.VFIO)
        .map(device -> device.pciAddress() + "\n")
        .collect(Collectors.joining());
  }

  /** What stty is to be told: a serial line does not know how large the user's window is. */
  private static String terminal() {
    return Objects.requireNonNullElse(System.getenv("NVMEDIRECT_TERMINAL"), "sane");
  }

  private static String init() throws IOException {
    try (InputStream in = ProjectImage.class.getResourceAsStream("init")) {
      if (in == null) {
        throw new IOException("no resource init beside " + ProjectImage.class);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
