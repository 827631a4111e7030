package io.nvmedirect.vmtest.machine;

import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Writes an archive that the kernel unpacks as its first file system. Format "newc", see "initramfs buffer
 * format" in the kernel's documentation; several archives may follow each other in one file. Directories
 * above an entry are made when they are first needed, and everything belongs to root.
 */
final class CpioWriter implements Closeable {

  private static final int DIRECTORY = 0040755;
  private static final int FILE = 0100644;
  private static final int PROGRAM = 0100755;
  private static final int LINK = 0120777;

  private final OutputStream out;
  private final Set<String> directories = new HashSet<>();
  private long position;
  private int inode;

  CpioWriter(OutputStream out) {
    this.out = out;
  }

  /** Adds an empty directory, unless it is there. */
  void directory(String path) throws IOException {
    int slash = path.lastIndexOf('/');
    if (path.isEmpty() || !directories.add(path)) {
      return;
    }
    directory(path.substring(0, Math.max(0, slash)));
    entry(path, DIRECTORY, 2, 0, 0);
  }

  /** Adds a file with this text. */
  void file(String path, String text, boolean executable) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    file(path, executable, 0, bytes.length, new ByteArrayInputStream(bytes));
  }

  /** Adds a file with these bytes. */
  void file(String path, byte[] bytes) throws IOException {
    file(path, false, 0, bytes.length, new ByteArrayInputStream(bytes));
  }

  /** Adds what a path of the host means, with its permission to be executed. */
  void file(String path, Path source) throws IOException {
    try (InputStream in = Files.newInputStream(source)) {
      long seconds = Files.getLastModifiedTime(source).toMillis() / 1000;
      file(path, Files.isExecutable(source), seconds, Files.size(source), in);
    }
  }

  /** Adds all files below a directory of the host. */
  void tree(String path, Path source) throws IOException {
    try (Stream<Path> files = Files.walk(source)) {
      for (Path file : files.sorted().toList()) {
        if (Files.isRegularFile(file)) {
          file(path + "/" + source.relativize(file), file);
        }
      }
    }
  }

  void link(String path, String target) throws IOException {
    directory(parent(path));
    byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
    entry(path, LINK, 1, 0, bytes.length);
    write(bytes);
    pad();
  }

  private void file(String path, boolean executable, long seconds, long size, InputStream in)
      throws IOException {
    if (size > 0xffff_ffffL) {
      throw new IOException("%s has %d bytes, more than the format can tell".formatted(path, size));
    }
    directory(parent(path));
    entry(path, executable ? PROGRAM : FILE, 1, seconds, size);
    long copied = in.transferTo(out);
    if (copied != size) {
      throw new IOException("%s had %d bytes and has %d".formatted(path, size, copied));
    }
    position += copied;
    pad();
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  private void entry(String path, int mode, int links, long seconds, long size) throws IOException {
    // Paths in the archive are relative to the root.
    byte[] name = path.substring(path.startsWith("/") ? 1 : 0).getBytes(StandardCharsets.UTF_8);
    // Magic; inode, mode, owner, group, links, time, size; device and special file, two numbers
    // each;
    // length of the name with its NUL; a checksum that this format does not use.
    String header =
        "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x"
            .formatted(inode++, mode, 0, 0, links, seconds, size, 0, 0, 0, 0, name.length + 1, 0);
    write(header.getBytes(StandardCharsets.US_ASCII));
    write(name);
    write(new byte[1]);
    pad();
  }

  private void write(byte[] bytes) throws IOException {
    out.write(bytes);
    position += bytes.length;
  }

  private void pad() throws IOException {
    write(new byte[(int) (-position & 3)]);
  }

  /** Ends the archive, and closes what it is written to. */
  @Override
  public void close() throws IOException {
    inode = 0;
    entry("TRAILER!!!", 0, 1, 0, 0);
    out.close();
  }
}
