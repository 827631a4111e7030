package io.nvmedirect.cli;

import java.io.IOException;
import java.nio.file.Path;

/** What bind and unbind do to the machine: done for true, or printed. */
interface DriverSteps {

  /** Writes a line into a file of sysfs that exists. */
  void write(Path file, String line) throws IOException;

  /** Loads a kernel module. */
  void loadModule(String name) throws IOException;

  /** Makes a user the owner of a file. */
  void giveTo(Path file, String user) throws IOException;

  /** Whether anything changes, so that it is worth looking. */
  boolean isLive();
}
