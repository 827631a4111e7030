package io.nvmedirect.cli;

import io.nvmedirect.sysfs.ExclusiveClaim;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciDevices;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Takes a controller from one driver to another: {@code driver_override}, {@code unbind} and
 * {@code drivers_probe}. What fails half-way is taken back.
 */
final class DriverChange {

  /** What is left to do once the new driver has the controller. */
  interface Afterwards {
    void accept(NvmeController controller) throws IOException;
  }

  private final Roots roots;
  private final DriverSteps steps;
  private final NvmeController before;
  private final Path function;
  private final Path probe;

  /** For a controller as it is now. */
  DriverChange(Roots roots, DriverSteps steps, NvmeController before) {
    this.roots = roots;
    this.steps = steps;
    this.before = before;
    this.function = roots.function(before.address());
    this.probe = roots.sys().resolve("bus/pci/drivers_probe");
  }

  /**
   * Binds a driver.
   *
   * @param override the driver that is to be the only one; empty if any may take the controller
   * @param driver the driver that must have it then
   * @param afterwards part of the change: if it fails, all is taken back
   */
  void run(String override, String driver, Afterwards afterwards) throws IOException {
    try {
      // The claim ends with the unbinding, for a block device that is held keeps its number in use.
      try (ExclusiveClaim _ = steps.isLive() ? ExclusiveClaim.of(roots, before) : null) {
        steps.write(function.resolve("driver_override"), override);
        if (before.driver() != null) {
          steps.write(function.resolve("driver/unbind"), before.address().toString());
        }
      }
      steps.write(probe, before.address().toString());
      NvmeController after = steps.isLive() ? look() : before;
      if (steps.isLive() && !driver.equals(after.driver())) {
        throw new IOException("the driver %s did not take it; dmesg may say why".formatted(driver));
      }
      afterwards.accept(after);
    } catch (IOException e) {
      throw new IOException(
          "%s: %s; %s".formatted(before.address(), e.getMessage(), takeBack()), e);
    }
  }

  private NvmeController look() throws IOException {
    return new PciDevices(roots).find(before.address().toString());
  }

  /** Makes it as it was, from wherever it is; says what became of that. */
  String takeBack() {
    IOException failed = null;
    try {
      NvmeController now = look();
      if (!Objects.equals(now.driverOverride(), before.driverOverride())) {
        steps.write(
            function.resolve("driver_override"),
            Objects.requireNonNullElse(before.driverOverride(), ""));
      }
      if (!Objects.equals(now.driver(), before.driver())) {
        if (now.driver() != null) {
          steps.write(function.resolve("driver/unbind"), before.address().toString());
        }
        if (before.driver() != null) {
          steps.write(probe, before.address().toString());
        }
      }
    } catch (IOException e) {
      failed = e;
    }
    return state(failed);
  }

  private String state(@Nullable IOException failed) {
    try {
      NvmeController now = look();
      String bound =
          now.driver() == null ? "bound to no driver" : "bound to the driver " + now.driver();
      if (failed == null && Objects.equals(now.driver(), before.driver())) {
        return "nothing has changed: %s is %s".formatted(before.address(), bound);
      }
      return "this could not be taken back%s: %s is now %s; to try again: echo %s > %s"
          .formatted(
              failed == null ? "" : " (" + failed.getMessage() + ")",
              before.address(),
              bound,
              before.address(),
              probe);
    } catch (IOException e) {
      return "its state is unknown: " + e.getMessage();
    }
  }
}
