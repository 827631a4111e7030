package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

final class KernelModulesTest {

  @TempDir Path directory;

  @BeforeEach
  void makeKernel() throws IOException {
    Files.createDirectories(directory.resolve("kernel/fs"));
    module("fs/ext4.ko", "jbd2,crc-16");
    module("fs/jbd2.ko", "");
    module("crc-16.ko", "jbd2");
    Files.writeString(directory.resolve("modules.builtin"), "kernel/block/t10-pi.ko\n");
  }

  @Test
  void order_whatIsNeededComesFirst() throws IOException {
    assertThat(new KernelModules(directory).order(List.of("ext4", "jbd2")))
        .extracting(path -> String.valueOf(path.getFileName()))
        .containsExactly("jbd2.ko", "crc-16.ko", "ext4.ko");
  }

  @Test
  void order_builtInOrOptional_isNoFile() throws IOException {
    assertThat(new KernelModules(directory).order(List.of("t10_pi", "none?", "crc_16"))).hasSize(2);
  }

  @Test
  void order_unknown_saysWhich() throws IOException {
    KernelModules modules = new KernelModules(directory);
    assertThatThrownBy(() -> modules.order(List.of("nvme")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no module nvme");
  }

  @Test
  void order_compressed_isReadAllTheSame() throws IOException {
    Path plain = directory.resolve("kernel/crc-16.ko");
    byte[] module = Files.readAllBytes(plain);
    Path compressed = directory.resolve("kernel/crc-16.ko.xz");
    try (XZOutputStream xz =
        new XZOutputStream(Files.newOutputStream(compressed), new LZMA2Options())) {
      xz.write(module);
    }
    Files.delete(plain);
    assertThat(new KernelModules(directory).order(List.of("ext4")))
        .extracting(KernelModules::plainName)
        .containsExactly("jbd2.ko", "crc-16.ko", "ext4.ko");
    assertThat(KernelModules.content(compressed)).isEqualTo(module);
  }

  @Test
  void order_badlyOrOtherwiseCompressed_namesTheFile() throws IOException {
    module("nvme.ko.xz", "");
    module("vfio.ko.lz4", "");
    KernelModules modules = new KernelModules(directory);
    assertThatThrownBy(() -> modules.order(List.of("nvme")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("nvme.ko.xz cannot be decompressed");
    assertThatThrownBy(() -> modules.order(List.of("vfio")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("vfio.ko.lz4 is neither .ko nor .ko.xz");
  }

  @Test
  void order_noModule_saysSo() throws IOException {
    Files.writeString(directory.resolve("kernel/junk.ko"), "junk");
    KernelModules modules = new KernelModules(directory);
    assertThatThrownBy(() -> modules.order(List.of("junk"))).hasMessageContaining("junk.ko");
  }

  private void module(String file, String depends) throws IOException {
    Files.writeString(
        directory.resolve("kernel").resolve(file),
        "\177ELF\0license=GPL\0depends=" + depends + "\0name=x\0");
  }
}
