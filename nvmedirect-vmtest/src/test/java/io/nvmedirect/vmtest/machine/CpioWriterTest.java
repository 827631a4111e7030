package io.nvmedirect.vmtest.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Bytes as "initramfs buffer format" of the kernel's documentation has them. */
final class CpioWriterTest {

  private static final String TRAILER = entry(0, 0, 1, 0, 11) + "TRAILER!!!\0" + "\0\0\0";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  @Test
  void empty_hasATrailer() throws IOException {
    new CpioWriter(out).close();
    assertThat(written()).isEqualTo(TRAILER);
  }

  @Test
  void file_comesAfterItsDirectories() throws IOException {
    try (CpioWriter cpio = new CpioWriter(out)) {
      cpio.file("/a/b/text", "hello", false);
      cpio.file("/a/run", "!", true);
    }
    assertThat(written())
        .isEqualTo(
            entry(0, 0040755, 2, 0, 2)
                + "a\0"
                + entry(1, 0040755, 2, 0, 4)
                + "a/b\0"
                + "\0\0"
                + entry(2, 0100644, 1, 5, 9)
                + "a/b/text\0"
                + "\0"
                + "hello"
                + "\0\0\0"
                + entry(3, 0100755, 1, 1, 6)
                + "a/run\0"
                + "!"
                + "\0\0\0"
                + TRAILER);
  }

  @Test
  void link_hasItsTargetAsData() throws IOException {
    try (CpioWriter cpio = new CpioWriter(out)) {
      cpio.link("sh", "busybox");
    }
    assertThat(written())
        .isEqualTo(entry(0, 0120777, 1, 7, 3) + "sh\0" + "\0\0\0" + "busybox" + "\0" + TRAILER);
  }

  private String written() {
    return out.toString(StandardCharsets.ISO_8859_1);
  }

  /** Magic, inode, mode, owner, group, links, time, size, four of devices, length of name, checksum. */
  private static String entry(int inode, int mode, int links, int size, int nameLength) {
    int[] fields = {inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameLength, 0};
    StringBuilder header = new StringBuilder("070701");
    for (int field : fields) {
      header.append(Integer.toHexString(0x1000_0000 | field).replaceFirst("1", "0"));
    }
    return header.toString();
  }
}
