package io.nvmedirect.examples;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;

/** Writes a block, makes it survive a power cut, and reads it back. */
public final class HelloWorld {

  private HelloWorld() {}

  /** Runs on the device with the address {@code args[0]}. */
  public static void main(String[] args) throws IOException {
    System.out.println(run(args.length > 0 ? args[0] : "mem:1GiB"));
  }

  static String run(String address) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      buffer.segment().setString(0, "hello, NVMe");
      handle.write(buffer.segment(), 0);
      handle.flush();
      buffer.segment().fill((byte) 0);
      handle.read(buffer.segment(), 0);
      return buffer.segment().getString(0);
    }
  }
}
