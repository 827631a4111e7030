package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;

/** What devices differ in, for tests that run over any; what a device lacks skips a test. */
public final class DeviceTraits {

  private DeviceTraits() {}

  public static void assumeQueues(NvmeDevice device, int count) {
    assumeTrue(
        device.maxQueues() >= count,
        () ->
            "the test has %d queues at once, %s allows %d"
                .formatted(count, device.address(), device.maxQueues()));
  }

  public static void assumeInterrupts(NvmeDevice device) {
    assumeTrue(hasInterrupts(device), () -> device.address() + " has no interrupts");
  }

  public static boolean hasInterrupts(NvmeDevice device) {
    try {
      return device.hasInterrupts();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void assumeWriteUncorrectable(NvmeDevice device) {
    assumeTrue(
        device.controller().supportsWriteUncorrectable(),
        () -> device.address() + " has no Write Uncorrectable, so that no block is unreadable");
  }

  /** The device, or a file in place of a {@code mem:} one, which keeps nothing when it is closed. */
  public static String persistent(String address, Path directory, String options) {
    return address.startsWith("mem:")
        ? "file:%s?size=4MiB&%s".formatted(directory.resolve("image"), options)
        : address;
  }

  static void assumeSupport(NvmeDevice device, boolean supported, String command) {
    assumeTrue(supported, () -> device.address() + " has no " + command);
  }

  static void assumeSize(NvmeDevice device, long bytes, String reason) {
    assumeTrue(
        device.sizeBytes() >= bytes,
        () -> "%s has %d bytes: %s".formatted(device.address(), device.sizeBytes(), reason));
  }

  /** Whether it is this project's controller, on whatever way it is reached. */
  static boolean isEmulated(NvmeDevice device) {
    return device.controller().modelNumber().startsWith("NVMeDirect Emulated");
  }

  /**
   * Checks what a range holds after it was deallocated: advice that a controller need not follow (NVMe
   * 1.4, section 6.7), block by block, and if it does the bytes are all 0 or all FFh. The emulator
   * follows it and clears.
   */
  public static void assertDeallocated(NvmeDevice device, byte[] before, byte[] now) {
    if (isEmulated(device)) {
      assertThat(now).containsOnly(0);
      return;
    }
    int block = device.blockBytes();
    for (int at = 0; at < now.length; at += block) {
      byte[] is = Arrays.copyOfRange(now, at, at + block);
      byte[] was = Arrays.copyOfRange(before, at, at + block);
      if (!Arrays.equals(is, was)) {
        assertThat(is).containsOnly(is[0]);
        assertThat(is[0]).isIn((byte) 0, (byte) 0xFF);
      }
    }
  }
}
