package io.nvmedirect.cli.bench;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.nio.file.Path;

/** Opens devices, and keeps them open until the run is over. */
@FunctionalInterface
public interface Devices {

  /** The device at an address; the same one each time. */
  NvmeDevice open(String address) throws IOException;

  /**
   * Hears of a file or block device before it is written to, by whichever engine.
   *
   * @throws IOException if it must not be written to, because somebody else uses it
   */
  default void claim(Path path) throws IOException {}
}
