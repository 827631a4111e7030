package io.nvmedirect.cli;

import io.nvmedirect.sysfs.ExclusiveClaim;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.InterruptibleChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The files that data comes from and goes to; {@code -} is a standard stream. */
final class DataFile {

  private static final long UNKNOWN = -1;

  private DataFile() {}

  /** Opens a file for reading. */
  static ReadableByteChannel input(String name, String address, Streams streams)
      throws IOException {
    if (name.equals("-")) {
      return streams.input().get();
    }
    Path path = path(name);
    refuseBackingFile(path, address);
    if (Files.isDirectory(path)) {
      throw new IOException(name + ": is a directory");
    }
    return FileChannel.open(path, StandardOpenOption.READ);
  }

  /**
   * Opens a file for writing from its start; what it held is gone.
   *
   * @throws IOException also if it is a disk or the image of one that somebody uses
   */
  @SuppressWarnings("MustBeClosedChecker") // the channel closes the claim
  static WritableByteChannel output(String name, String address, Streams streams)
      throws IOException {
    if (name.equals("-")) {
      return streams.output().get();
    }
    Path path = path(name);
    refuseBackingFile(path, address);
    if (Files.isDirectory(path)) {
      throw new IOException(name + ": is a directory");
    }
    ExclusiveClaim claim = ExclusiveClaim.ofData(streams.roots(), path);
    try {
      FileChannel channel =
          FileChannel.open(
              path,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING);
      return claim == null ? channel : new ClaimedChannel(channel, claim);
    } catch (IOException e) {
      if (claim != null) {
        claim.close();
      }
      throw e;
    }
  }

  /** What is written to as long as it is claimed. */
  private record ClaimedChannel(FileChannel channel, ExclusiveClaim claim)
      implements WritableByteChannel, InterruptibleChannel {

    @Override
    public int write(ByteBuffer from) throws IOException {
      return channel.write(from);
    }

    @Override
    public boolean isOpen() {
      return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
      try {
        channel.close();
      } finally {
        claim.close();
      }
    }
  }

  /** Bytes of a regular file; −1 if it is another kind of file, which ends when it ends. */
  static long size(String name) throws IOException {
    if (name.equals("-")) {
      return UNKNOWN;
    }
    Path path = path(name);
    if (!Files.exists(path)) {
      throw new NoSuchFileException(name);
    }
    return Files.isRegularFile(path) ? Files.size(path) : UNKNOWN;
  }

  private static Path path(String name) throws IOException {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Truncating or reading the image below an open controller would lose or tear data. */
  private static void refuseBackingFile(Path path, String address) throws IOException {
    if (address.startsWith("file:")) {
      Path image = path(address.substring("file:".length()).replaceFirst("\\?.*", ""));
      if (Files.exists(path) && Files.exists(image) && Files.isSameFile(path, image)) {
        throw new IOException("%s is the image of the device %s".formatted(path, address));
      }
    }
  }
}
