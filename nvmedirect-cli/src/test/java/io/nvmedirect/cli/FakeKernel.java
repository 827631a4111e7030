package io.nvmedirect.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Does to a fake machine what Linux does when drivers are bound, and fails where a test says so. */
final class FakeKernel extends LiveDriverSteps {

  final List<String> log = new ArrayList<>();
  final Set<String> failing = new HashSet<>();
  final Set<String> unwillingDrivers = new HashSet<>();

  /** Runs before a module is loaded. */
  Action onLoad = () -> {};

  private final FakeMachine machine;

  /** Something that changes the machine. */
  interface Action {
    void run() throws IOException;
  }

  FakeKernel(FakeMachine machine) {
    this.machine = machine;
  }

  @Override
  public void write(Path file, String line) throws IOException {
    String name = file.getFileName().toString();
    note(name + "=" + line);
    if (!Files.exists(file)) {
      throw new IOException("no such attribute: " + file);
    }
    switch (name) {
      case "driver_override" -> Files.writeString(file, line.isEmpty() ? "(null)\n" : line + "\n");
      case "unbind" -> Files.delete(function(line).resolve("driver"));
      case "drivers_probe" -> probe(line);
      default -> throw new IOException("no such attribute: " + file);
    }
  }

  private void probe(String address) throws IOException {
    String override = Files.readString(function(address).resolve("driver_override")).strip();
    String driver = override.equals("(null)") ? "nvme" : override;
    if (Files.exists(function(address).resolve("driver")) || unwillingDrivers.contains(driver)) {
      return;
    }
    machine.link(
        FakeMachine.functionPath(address) + "/driver", "../../../bus/pci/drivers/" + driver);
    if (driver.equals("vfio-pci")) {
      Path group = function(address).resolve("iommu_group");
      if (Files.exists(group)) {
        machine.file("dev/vfio/" + Files.readSymbolicLink(group).getFileName(), "");
      } else {
        machine.group(0, address).file("sys/kernel/iommu_groups/0/name", "vfio-noiommu\n");
      }
    }
  }

  @Override
  public void loadModule(String name) throws IOException {
    note("modprobe " + name);
    onLoad.run();
    machine.driver(name);
  }

  @Override
  public void giveTo(Path file, String user) throws IOException {
    note("chown " + user);
    super.giveTo(file, user);
  }

  private void note(String step) throws IOException {
    log.add(step);
    if (failing.contains(step)) {
      throw new IOException(step + " failed for the test");
    }
  }

  private Path function(String address) {
    return machine.root.resolve(FakeMachine.functionPath(address));
  }

  /** The driver that a function has; empty without one. */
  String driver(String address) throws IOException {
    Path link = function(address).resolve("driver");
    return Files.exists(link) ? Files.readSymbolicLink(link).getFileName().toString() : "";
  }

  String override(String address) throws IOException {
    return Files.readString(function(address).resolve("driver_override")).strip();
  }
}
