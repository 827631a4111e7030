package io.nvmedirect.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The steps, done. */
class LiveDriverSteps implements DriverSteps {

  @Override
  public void write(Path file, String line) throws IOException {
    // No file is created or truncated: sysfs has attributes, and takes a line as one write.
    Files.writeString(file, line + "\n", StandardOpenOption.WRITE);
  }

  @Override
  public void loadModule(String name) throws IOException {
    String output;
    try {
      // Users' PATH often has no administration directories.
      ProcessBuilder builder = new ProcessBuilder("modprobe", name).redirectErrorStream(true);
      builder.environment().merge("PATH", ":/usr/sbin:/sbin", String::concat);
      Process process = builder.start();
      process.getOutputStream().close();
      output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() == 0) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("modprobe " + name).initCause(e);
    } catch (IOException e) {
      output = String.valueOf(e.getMessage());
    }
    throw new IOException(
        "cannot load the kernel module %s: %s; see: nvmed doctor".formatted(name, output));
  }

  @Override
  public void giveTo(Path file, String user) throws IOException {
    Files.setOwner(
        file, file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(user));
  }

  @Override
  public boolean isLive() {
    return true;
  }
}
