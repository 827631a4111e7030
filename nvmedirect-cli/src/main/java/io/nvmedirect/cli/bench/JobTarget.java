package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Addresses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where a job's I/O goes, from fio's {@code filename} and {@code directory}: an address stays, another path is a
 * file, and without both it is a file of the job's name.
 *
 * @param address of the framework, or a path for the other engines; null if it is {@link #file}
 * @param file that is to be opened by the framework
 */
record JobTarget(@Nullable String address, @Nullable Path file) {

  private static final String KEY = "filename";
  private static final long PAGE_BYTES = 4096;

  static JobTarget of(
      Engine engine, @Nullable String filename, @Nullable String directory, String job) {
    if (filename == null || filename.isEmpty()) {
      return file(engine, path(directory, job.replace('/', '.') + ".0.0"));
    }
    if (Addresses.isAddress(filename) || isDevice(filename)) {
      return new JobTarget(engine == Engine.NVMED ? filename : plainPath(engine, filename), null);
    }
    return file(engine, path(directory, unescaped(filename)));
  }

  private static JobTarget file(Engine engine, Path path) {
    if (engine != Engine.NVMED) {
      return new JobTarget(path.toString(), null);
    }
    if (path.toString().indexOf('?') >= 0) {
      throw FioValues.bad(
          KEY, path.toString(), "a ? begins the options of an address; name the file without it");
    }
    return new JobTarget(null, path);
  }

  /** For messages. */
  String fileName() {
    return file == null ? Objects.requireNonNull(address) : file.toString();
  }

  /** Devices are no files to create; what they are is for the framework to say. */
  private static boolean isDevice(String filename) {
    return filename.startsWith("/dev/") && !filename.startsWith("/dev/shm/");
  }

  private static String plainPath(Engine engine, String address) {
    String path = Addresses.file(address);
    if (path != null) {
      return path;
    }
    if (address.startsWith("/dev/")) {
      return address;
    }
    throw FioValues.bad(
        KEY, address, "ioengine=" + engine + " needs the path of a file or of a block device");
  }

  /** fio separates several files by colons, and a colon of a name has a backslash before it. */
  private static String unescaped(String filename) {
    if (filename.replace("\\:", "").indexOf(':') >= 0) {
      throw FioValues.bad(
          KEY, filename, "one file or device for a job; a colon in its name is written \\:");
    }
    return filename.replace("\\:", ":");
  }

  private static Path path(@Nullable String directory, String name) {
    try {
      return directory == null || directory.isEmpty()
          ? Path.of(name)
          : Path.of(directory).resolve(name);
    } catch (InvalidPathException e) {
      throw (IllegalArgumentException) FioValues.bad(KEY, name, e.getReason()).initCause(e);
    }
  }

  /**
   * The address, of a file that has at least so many bytes, or is created with them.
   *
   * @throws IllegalArgumentException if the file is too small, or is to be created without a size
   */
  String address(long bytes) {
    if (file == null) {
      return Objects.requireNonNull(address);
    }
    long has = existing(file);
    if (has < 0 && bytes == 0) {
      throw FioValues.bad(KEY, file.toString(), "there is no such file; give a size to create it");
    }
    if (has < 0) {
      return "file:%s?size=%d".formatted(file, wholePages(bytes));
    }
    if (has < bytes) {
      throw FioValues.bad(
          KEY,
          file.toString(),
          "the file has %d bytes and the jobs need %d; remove it, or give a smaller size"
              .formatted(has, bytes));
    }
    return "file:" + file;
  }

  /** Bytes, rounded up so that blocks of any size fit in. */
  static long wholePages(long bytes) {
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  }

  /** Bytes of a file, -1 if there is none. */
  private static long existing(Path file) {
    try {
      return Files.exists(file) ? Files.size(file) : -1;
    } catch (IOException e) {
      throw (IllegalArgumentException)
          FioValues.bad(KEY, file.toString(), "cannot be looked at: " + e).initCause(e);
    }
  }
}
