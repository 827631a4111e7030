package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A client that nobody here wrote: QEMU connects to our server, and Linux's own NVMe driver in its guest makes
 * a file system on the controller that it finds there. The file behind the server is the witness.
 */
@Timeout(300)
final class QemuClientTest {

  private static final String SIZE = "128MiB";
  private static final int RANDOM_BYTES = 100 * (64 << 10);

  /** Checksums first: what needs them asks the kernel for them by other names. */
  private static final List<String> KERNEL_MODULES =
      List.of("crc32c_generic?", "crc64_rocksoft_generic?", "crct10dif_generic?", "ext4", "nvme");

  private static final String INIT =
      """
      #!/bin/busybox sh
      /bin/busybox mkdir -p /proc /sys /dev /mnt
      /bin/busybox --install -s /bin
      export PATH=/bin
      mount -t proc proc /proc
      mount -t sysfs sysfs /sys
      mount -t devtmpfs devtmpfs /dev
      while read -r module; do insmod "$module"; done </modules
      disk=/dev/nvme0n1
      i=0
      while [ ! -b "$disk" ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i + 1)); done
      echo "sectors $(cat /sys/block/nvme0n1/size)"
      echo "model $(cat /sys/class/nvme/nvme0/model)"
      mke2fs "$disk" && mount -t ext4 "$disk" /mnt || echo failed
      dd if=/dev/urandom of=/mnt/random bs=64k count=100 || echo failed
      sync
      umount /mnt || echo failed
      # Nothing is in the page cache of the file system any more.
      mount -t ext4 "$disk" /mnt || echo failed
      echo "sum $(md5sum </mnt/random)"
      umount /mnt || echo failed
      echo "interrupts $(grep -c nvme0q1 /proc/interrupts)"
      echo end
      poweroff -f
      """;

  @TempDir private Path directory;

  @Test
  void linuxInQemu_makesAFileSystemOnAServedController() throws Exception {
    String qemu = System.getenv("NVMEDIRECT_QEMU_VFIO_USER");
    assumeTrue(
        qemu != null,
        "no QEMU that speaks vfio-user; ./verify takes the one of Debian's backports");
    Host host = host();
    Path image = directory.resolve("image");
    Path socket = directory.resolve("socket");
    String said;
    try (NvmeServer server =
        NvmeServer.open("file:%s?size=%s".formatted(image, SIZE), ServeOptions.defaults())) {
      server.listen(socket);
      said = boot(Objects.requireNonNull(qemu), host, socket);
    }
    assertThat(said)
        .contains("sectors 262144", "model NVMeDirect Emulated Controller", "interrupts 1", "end")
        .doesNotContain("failed", "I/O error", "timeout");
    Programs.runWell(List.of("e2fsck", "-fn", image.toString()));
    Path random = directory.resolve("random");
    Programs.runWell(List.of("debugfs", "-R", "dump /random " + random, image.toString()));
    byte[] content = Files.readAllBytes(random);
    assertThat(content).hasSize(RANDOM_BYTES);
    String sum = HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(content));
    assertThat(said).contains("sum " + sum);
  }

  /** Runs the guest to its end; what it wrote on its console. */
  private String boot(String qemu, Host host, Path socket) throws IOException {
    Path initrd = directory.resolve("initrd");
    writeInitrd(host, initrd);
    List<String> command = new ArrayList<>(host.dyingWithParent());
    command.addAll(List.of(qemu, "-nodefaults", "-no-user-config", "-no-reboot"));
    command.addAll(List.of("-accel", "tcg,thread=single", "-cpu", "max", "-m", "512M"));
    // The guest's memory is what the server reads and writes.
    command.addAll(List.of("-object", "memory-backend-memfd,id=memory,size=512M,share=on"));
    command.addAll(List.of("-machine", "q35,memory-backend=memory", "-display", "none"));
    command.addAll(List.of("-serial", "stdio", "-initrd", initrd.toString()));
    command.addAll(List.of("-kernel", file(host.kernel().resolve("boot"), "vmlinuz-").toString()));
    command.addAll(List.of("-append", "console=ttyS0 quiet panic=-1 mitigations=off"));
    command.addAll(
        List.of(
            "-device",
            """
            {"driver":"vfio-user-pci","socket":{"type":"unix","path":"%s"}}\
            """
                .formatted(socket)));
    return Programs.run(command).text();
  }

  private static void writeInitrd(Host host, Path initrd) throws IOException {
    Path modules = file(host.kernel().resolve("lib/modules"), "");
    StringBuilder list = new StringBuilder();
    try (CpioWriter cpio =
        new CpioWriter(new BufferedOutputStream(Files.newOutputStream(initrd), 1 << 16))) {
      cpio.file("/bin/busybox", Objects.requireNonNull(Programs.find("busybox")));
      for (Path module : new KernelModules(modules).order(KERNEL_MODULES)) {
        String path = "/lib/modules/" + module.getFileName();
        cpio.file(path, module);
        list.append(path).append('\n');
      }
      cpio.file("/modules", list.toString(), false);
      cpio.file("/init", INIT, true);
    }
  }

  private static Path file(Path parent, String prefix) throws IOException {
    try (Stream<Path> files = Files.list(parent)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(prefix))
          .findFirst()
          .orElseThrow();
    }
  }

  private static Host host() {
    try {
      return Host.find();
    } catch (VirtualMachineMissing e) {
      assumeTrue(false, e.getMessage());
      throw new IllegalStateException(e);
    }
  }
}
