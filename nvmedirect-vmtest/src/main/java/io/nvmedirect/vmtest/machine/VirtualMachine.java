package io.nvmedirect.vmtest.machine;

import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.GuestDevice.Namespace;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * QEMU with the devices of {@link GuestDevice}, from its start to its end. Its files are in a directory that is
 * deleted at the end.
 *
 * <p>QEMU dies with the <em>thread</em> that started it, should the host's JVM be killed: that thread must stay
 * until the machine is closed.
 */
public final class VirtualMachine implements AutoCloseable {

  private static final int TAIL_LINES = 60;
  private static final int SIGABRT_STATUS = 128 + 6;
  private static final int SIGSEGV_STATUS = 128 + 11;

  /**
   * What the kernel says, every 28 s, of a CPU that gets no further. QEMU 7.2 has been seen to leave a
   * virtual CPU like that for ever, in the midst of khugepaged's work; a slow host has it said once.
   */
  private static final String STUCK = "watchdog: BUG: soft lockup";

  private static final int STUCK_FOR_EVER = 5;
  private static final int LOOK_SECONDS = 5;

  private final Path directory;
  private final Process process;
  private final int limitSeconds;
  private final Thread watchdog;
  private final Thread hook;
  private volatile boolean expired;
  private volatile boolean stuck;

  /**
   * Starts the machine.
   *
   * @param classPath what the guest has of classes, as paths of the host
   * @param scratch where to make the machine's directory
   */
  public static VirtualMachine start(GuestCommand command, String classPath, Path scratch)
      throws IOException, VirtualMachineMissing {
    Host host = Host.find();
    BaseImage base = new BaseImage(host.kernel(), host.javaHome());
    Path archive = base.archive();
    RunDirectories.removeStale(scratch);
    Path directory = RunDirectories.make(scratch);
    try {
      Path initrd = directory.resolve("initrd");
      Files.copy(archive, initrd);
      try (OutputStream out =
          new BufferedOutputStream(
              Files.newOutputStream(initrd, StandardOpenOption.APPEND), 1 << 16)) {
        new ProjectImage(classPath, command).write(out);
      }
      return new VirtualMachine(
          directory, command, qemu(host, base.kernelImage(), initrd, directory, command.shell()));
    } catch (IOException | RuntimeException e) {
      Directories.delete(directory);
      throw e;
    }
  }

  private VirtualMachine(Path directory, GuestCommand command, List<String> qemu)
      throws IOException {
    this.directory = directory;
    this.limitSeconds = command.limitSeconds();
    ProcessBuilder builder = new ProcessBuilder(qemu);
    if (command.shell()) {
      builder.inheritIO();
    } else {
      builder.redirectError(directory.resolve("errors").toFile());
      builder.redirectInput(Redirect.from(Path.of("/dev/null").toFile()));
    }
    this.process = builder.start();
    this.hook = Thread.ofPlatform().unstarted(this::end);
    Runtime.getRuntime().addShutdownHook(hook);
    this.watchdog = Thread.ofPlatform().name("vm-limit").daemon().unstarted(this::watch);
    if (!command.shell()) {
      watchdog.start();
    }
  }

  private static List<String> qemu(
      Host host, Path kernel, Path initrd, Path directory, boolean shell) throws IOException {
    List<String> options = new ArrayList<>(host.dyingWithParent());
    options.addAll(List.of(host.qemu().toString(), "-nodefaults", "-no-user-config", "-no-reboot"));
    options.addAll(List.of("-machine", "q35,kernel-irqchip=split", "-accel", "tcg,thread=single"));
    // One CPU: with several, QEMU 7.2 links their translated code under each other, and rarely
    // wrongly, so
    // that a guest hangs or QEMU crashes; and what they have to tell each other is dear.
    options.addAll(List.of("-cpu", "max", "-smp", "1", "-m", "3G", "-display", "none"));
    options.addAll(List.of("-device", "intel-iommu,intremap=on"));
    options.addAll(List.of("-kernel", kernel.toString(), "-initrd", initrd.toString()));
    // A panic ends the machine: -1 is a reboot at once, which QEMU does not do.
    // Time is the CPU's counter, for each look at the HPET is a call into QEMU. Mitigations would
    // cost their
    // time and protect nobody.
    options.addAll(
        List.of(
            "-append",
            "console=ttyS0 intel_iommu=on quiet panic=-1 tsc=reliable mitigations=off"
                + " transparent_hugepage=never"));
    if (shell) {
      options.addAll(List.of("-serial", "mon:stdio"));
    } else {
      options.addAll(List.of("-serial", "file:" + console(directory)));
      // The report is QEMU's standard output: a port of its own, where no kernel message can be.
      options.addAll(List.of("-chardev", "file,id=report,path=/dev/fd/1"));
      options.addAll(List.of("-device", "virtio-serial-pci,max_ports=2,ioeventfd=off"));
      options.addAll(List.of("-device", "virtserialport,chardev=report,name=report"));
    }
    for (GuestDevice device : GuestDevice.values()) {
      options.addAll(controller(device, directory));
    }
    return options;
  }

  private static List<String> controller(GuestDevice device, Path directory) throws IOException {
    String bus = "c%02x".formatted(device.slot());
    List<String> options = new ArrayList<>();
    options.add("-device");
    options.add(
        "nvme,id=%s,serial=%s,addr=0x%02x%s"
            .formatted(
                bus,
                device.serial(),
                device.slot(),
                device.options().isEmpty() ? "" : "," + device.options()));
    int nsid = 0;
    for (Namespace namespace : device.namespaces()) {
      nsid++;
      String drive = "%sn%d".formatted(bus, nsid);
      Path file = directory.resolve(drive);
      try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
        sparse.setLength(namespace.sizeBytes());
      }
      // A crash of the host need not be survived.
      options.addAll(
          List.of(
              "-drive",
              "file=%s,if=none,id=%s,format=raw,cache=unsafe,discard=unmap%s"
                  .formatted(
                      file,
                      drive,
                      namespace.driveOptions().isEmpty() ? "" : "," + namespace.driveOptions()),
              "-device",
              "nvme-ns,bus=%s,drive=%s,nsid=%d,logical_block_size=%d,physical_block_size=%4$d"
                  .formatted(bus, drive, nsid, namespace.blockBytes())));
    }
    return options;
  }

  private static Path console(Path directory) {
    return directory.resolve("console");
  }

  /** What the guest reports, to be read to its end. */
  public InputStream report() {
    return process.getInputStream();
  }

  /** Waits for the end, and says how QEMU ended. */
  public int await() throws InterruptedException {
    return process.waitFor();
  }

  /** Whether QEMU ended by a fault of its own: SIGSEGV, SIGABRT, or a virtual CPU that stopped. */
  boolean crashed() {
    try {
      return process.waitFor(30, TimeUnit.SECONDS)
          && (stuck
              || process.exitValue() == SIGSEGV_STATUS
              || process.exitValue() == SIGABRT_STATUS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** How the machine ended and the last it said, for a failure. */
  public String circumstances() {
    try {
      boolean ended = process.waitFor(30, TimeUnit.SECONDS);
      String how =
          expired
              ? "the time limit of %d seconds is over".formatted(limitSeconds)
              : stuck
                  ? "a CPU of the machine stopped"
                  : ended ? "QEMU ended with status " + process.exitValue() : "QEMU still runs";
      return how
          + section("errors of QEMU", directory.resolve("errors"))
          + section("end of the console", console(directory));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "interrupted";
    }
  }

  private static String section(String title, Path file) {
    String text;
    try {
      text = Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
    } catch (IOException e) {
      text = e.toString();
    }
    List<String> lines = text.lines().toList();
    List<String> tail = lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size());
    return tail.isEmpty() ? "" : "\n--- " + title + "\n" + String.join("\n", tail);
  }

  private void watch() {
    try {
      for (int left = limitSeconds; left > 0; left -= LOOK_SECONDS) {
        if (process.waitFor(Math.min(left, LOOK_SECONDS), TimeUnit.SECONDS)) {
          return;
        }
        if (isStuck(console(directory))) {
          stuck = true;
          process.destroyForcibly();
          return;
        }
      }
      expire();
    } catch (InterruptedException e) {
      // The machine is being closed.
      return;
    }
  }

  /** Whether a kernel has said often enough that a CPU gets no further. */
  static boolean isStuck(Path console) {
    try (Stream<String> lines = Files.lines(console, StandardCharsets.ISO_8859_1)) {
      return lines.filter(line -> line.contains(STUCK)).count() >= STUCK_FOR_EVER;
    } catch (IOException | UncheckedIOException e) {
      // Not written yet, or being deleted.
      return false;
    }
  }

  /** Ends the machine because its time is over. */
  void expire() {
    expired = true;
    process.destroyForcibly();
  }

  private void end() {
    process.destroyForcibly();
    try {
      process.waitFor();
      Directories.delete(directory);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // The next run removes it.
      System.err.println("vm: cannot delete " + directory + ": " + e.getMessage());
    }
  }

  /** Ends the machine if it still runs, and deletes its files. */
  @Override
  public void close() {
    watchdog.interrupt();
    end();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is shutting down, and the hook has done the same.
      return;
    }
  }
}
