package io.nvmedirect.cli;

import io.nvmedirect.sysfs.Roots;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.function.Supplier;

/**
 * What a verb meets of the machine around it.
 *
 * @param input standard input for data, as an interruptible channel
 * @param output standard output for data
 * @param roots where the kernel tells of its devices
 * @param steps what changes the drivers of devices
 */
record Streams(
    Supplier<ReadableByteChannel> input,
    Supplier<WritableByteChannel> output,
    Roots roots,
    DriverSteps steps) {

  static Streams ofProcess() {
    return new Streams(
        () -> new FileInputStream(FileDescriptor.in).getChannel(),
        () -> new FileOutputStream(FileDescriptor.out).getChannel(),
        Roots.local(),
        new LiveDriverSteps());
  }
}
