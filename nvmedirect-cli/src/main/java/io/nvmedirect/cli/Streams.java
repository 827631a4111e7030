package io.nvmedirect.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * What a verb meets of the machine around it.
 *
 * @param input standard input for data, as an interruptible channel
 * @param output standard output for data
 * @param sysfs where sysfs is mounted
 */
record Streams(
    Supplier<ReadableByteChannel> input, Supplier<WritableByteChannel> output, Path sysfs) {

  static Streams ofProcess() {
    return new Streams(
        () -> new FileInputStream(FileDescriptor.in).getChannel(),
        () -> new FileOutputStream(FileDescriptor.out).getChannel(),
        Path.of("/sys"));
  }
}
