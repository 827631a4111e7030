package io.nvmedirect.cli.bench;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;

/** Opens devices, and keeps them open until the run is over. */
@FunctionalInterface
public interface Devices {

  /** The device at an address; the same one each time. */
  NvmeDevice open(String address) throws IOException;
}
