package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.cli.format.Sizes;
import java.io.IOException;

/** An open device, which {@link Stop#request} waits for. */
final class Session implements AutoCloseable {

  private final NvmeDevice device;
  private final Stop stop;

  /** Takes over the device and a stretch that {@code stop} has entered. */
  Session(NvmeDevice device, Stop stop) {
    this.device = device;
    this.stop = stop;
  }

  NvmeDevice device() {
    return device;
  }

  /** Fails unless the bytes from {@code position} on are on the device. */
  void requireRange(long position, long lengthBytes) throws IOException {
    long sizeBytes = device.sizeBytes();
    if (position > sizeBytes || lengthBytes > sizeBytes - position) {
      throw new IOException(
          "%s has %d bytes (%s): offset=%d, length=%d do not fit"
              .formatted(
                  device.address(), sizeBytes, Sizes.format(sizeBytes), position, lengthBytes));
    }
  }

  @Override
  public void close() throws IOException {
    try {
      device.close();
    } finally {
      stop.leave();
    }
  }
}
