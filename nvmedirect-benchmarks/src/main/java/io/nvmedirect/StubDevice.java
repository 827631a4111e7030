package io.nvmedirect;

import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.queue.RingTransport;
import java.io.IOException;

/** Opens a device on a PCI function that no address names. */
public final class StubDevice {

  private StubDevice() {}

  /** The device on a function, which it closes. */
  public static NvmeDevice open(PciFunction function) throws IOException {
    return NvmeDevice.open("stub:", new RingTransport(function), DeviceOptions.defaults());
  }
}
