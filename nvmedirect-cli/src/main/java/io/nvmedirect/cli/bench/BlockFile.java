package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * A file, or a block device of the kernel's, for the engines that work on a path.
 *
 * @param sizeBytes as it is now
 * @param direct O_DIRECT
 */
record BlockFile(Path path, long sizeBytes, boolean writable, boolean direct) {

  private static final int FILL_BYTES = 1 << 20;

  /**
   * Looks at a file.
   *
   * @param leastBytes makes a file that is missing or shorter this long, with data that is not zeroes
   */
  static BlockFile open(Path path, long leastBytes, boolean writable, boolean direct)
      throws IOException {
    if (!Files.exists(path) && leastBytes == 0) {
      throw new IOException("%s: no such file; with size=N it is made".formatted(path));
    }
    if (!Files.exists(path) || Files.isRegularFile(path)) {
      fill(path, leastBytes);
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return new BlockFile(path, channel.size(), writable, direct);
    }
  }

  /** Whether a file is there and {@link #open} would make it longer. */
  static boolean isShorter(Path path, long leastBytes) throws IOException {
    return Files.isRegularFile(path) && Files.size(path) < leastBytes;
  }

  /** Reads of a hole would come from nowhere. */
  private static void fill(Path path, long leastBytes) throws IOException {
    if (Files.exists(path) && !isShorter(path, leastBytes)) {
      return;
    }
    byte[] noise = new byte[FILL_BYTES];
    new SplittableRandom(0).nextBytes(noise);
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      long position = channel.size();
      while (position < leastBytes) {
        int n = (int) Math.min(FILL_BYTES, leastBytes - position);
        position += channel.write(ByteBuffer.wrap(noise, 0, n), position);
      }
      channel.force(true);
    }
  }

  Set<OpenOption> optionSet() {
    Set<OpenOption> options = new HashSet<>();
    options.add(StandardOpenOption.READ);
    if (writable) {
      options.add(StandardOpenOption.WRITE);
    }
    if (direct) {
      options.add(directOption());
    }
    return options;
  }

  /** {@code com.sun.nio.file.ExtendedOpenOption.DIRECT}, by its name: javac warns of the class. */
  private static OpenOption directOption() {
    try {
      return (OpenOption)
          Stream.of(Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants())
              .filter(option -> option.toString().equals("DIRECT"))
              .findFirst()
              .orElseThrow();
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("module jdk.unsupported is not there", e);
    }
  }

  OpenOption[] options() {
    return optionSet().toArray(OpenOption[]::new);
  }
}
