package io.nvmedirect.cli;

import java.nio.file.Path;
import java.util.function.Consumer;

/** Each step as the shell command that would do it. */
final class PrintedDriverSteps implements DriverSteps {

  private final Consumer<String> out;

  PrintedDriverSteps(Consumer<String> out) {
    this.out = out;
  }

  @Override
  public void write(Path file, String line) {
    out.accept("echo %s> %s".formatted(line.isEmpty() ? "" : line + " ", file));
  }

  @Override
  public void loadModule(String name) {
    out.accept("modprobe " + name);
  }

  @Override
  public void giveTo(Path file, String user) {
    out.accept("chown %s %s".formatted(user, file));
  }

  @Override
  public boolean isLive() {
    return false;
  }
}
