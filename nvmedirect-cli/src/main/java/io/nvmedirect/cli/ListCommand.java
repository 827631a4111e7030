package io.nvmedirect.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "list",
    header = "List the NVMe controllers of this machine.",
    description =
        "Reads sysfs and needs no privileges. The first column is an address for the other verbs.",
    footer = {"  nvmed list", "  nvmed list --json"})
@SuppressWarnings("NullAway.Init")
final class ListCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    List<SysfsControllers.Controller> controllers =
        new SysfsControllers(nvmed.streams.sysfs()).list();
    if (json) {
      List<Map<String, @Nullable Object>> objects = new ArrayList<>();
      controllers.forEach(controller -> objects.add(object(controller)));
      nvmed.say(Json.text(Json.object("controllers", objects)));
    } else if (controllers.isEmpty()) {
      nvmed.say("No NVMe controller on the PCI bus. One inside this process: nvmed bench mem:1GiB");
    } else {
      Table table = new Table("ADDRESS", ">SIZE", ">BLOCK", "MODEL", "SERIAL", "PCI", "DRIVER");
      controllers.forEach(controller -> rows(table, controller));
      table.print(nvmed.out());
      nvmed.out().flush();
    }
    return 0;
  }

  private static void rows(Table table, SysfsControllers.Controller controller) {
    for (SysfsControllers.Namespace namespace : controller.namespaces()) {
      row(
          table,
          controller,
          "/dev/" + namespace.name(),
          Sizes.format(namespace.sizeBytes()),
          String.valueOf(namespace.blockBytes()));
    }
    if (controller.namespaces().isEmpty()) {
      row(table, controller, "pci:" + controller.pciAddress(), "-", "-");
    }
  }

  private static void row(
      Table table,
      SysfsControllers.Controller controller,
      String address,
      String size,
      String block) {
    table.row(
        address,
        size,
        block,
        known(controller.model()),
        known(controller.serial()),
        controller.pciAddress(),
        known(controller.driver()));
  }

  private static String known(@Nullable String value) {
    return value == null || value.isEmpty() ? "-" : value;
  }

  private static Map<String, @Nullable Object> object(SysfsControllers.Controller controller) {
    List<Map<String, @Nullable Object>> namespaces = new ArrayList<>();
    for (SysfsControllers.Namespace namespace : controller.namespaces()) {
      namespaces.add(
          Json.object(
              "address", "/dev/" + namespace.name(),
              "sizeBytes", namespace.sizeBytes(),
              "blockBytes", namespace.blockBytes()));
    }
    return Json.object(
        "pciAddress", controller.pciAddress(),
        "driver", controller.driver(),
        "name", controller.name(),
        "model", controller.model(),
        "serial", controller.serial(),
        "namespaces", namespaces);
  }
}
