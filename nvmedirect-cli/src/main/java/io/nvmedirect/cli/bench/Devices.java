package io.nvmedirect.cli.bench;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.nio.file.Path;

/** Opens devices, and keeps them open until the run is over. */
@FunctionalInterface
public interface Devices {

  /**
   * The device at an address; the same one each time, if all that write to it have asked before it is used.
   *
   * @param writes whether it is written to; else it may be in use
   */
  NvmeDevice open(String address, boolean writes) throws IOException;

  /**
   * Hears of a file or block device before it is written to, not by the framework.
   *
   * @throws IOException if it must not be written to, because somebody else uses it
   */
  default void claim(Path path) throws IOException {}
}
