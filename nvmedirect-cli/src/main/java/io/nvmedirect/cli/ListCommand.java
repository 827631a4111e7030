package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Json;
import io.nvmedirect.cli.format.Sizes;
import io.nvmedirect.cli.format.Table;
import io.nvmedirect.sysfs.IommuGroup;
import io.nvmedirect.sysfs.Namespace;
import io.nvmedirect.sysfs.NvmeController;
import io.nvmedirect.sysfs.PciDevices;
import io.nvmedirect.sysfs.Use;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "list",
    header = "List the NVMe controllers of this machine, and who uses them.",
    description =
        "Reads sysfs and procfs and needs no privileges; only root sees which devices the processes "
            + "of other users have open. BLOCK is bytes of a logical block, + bytes of metadata; "
            + "GROUP the IOMMU group. --json tells more.",
    footer = {"  nvmed list", "  nvmed list --json"})
@SuppressWarnings("NullAway.Init")
final class ListCommand implements Callable<Integer> {

  private static final int MODEL_WIDTH = 20;

  @ParentCommand Nvmed nvmed;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Override
  public Integer call() {
    PciDevices devices = new PciDevices(nvmed.streams.roots());
    List<NvmeController> controllers = devices.list();
    if (json) {
      List<Map<String, @Nullable Object>> objects = new ArrayList<>();
      controllers.forEach(controller -> objects.add(ControllerJson.object(controller)));
      nvmed.say(
          Json.text(
              Json.object("controllers", objects, "seesAllProcesses", devices.seesAllProcesses())));
    } else if (controllers.isEmpty()) {
      nvmed.say("No NVMe controller on the PCI bus. One inside this process: nvmed bench mem:1GiB");
    } else {
      Table table =
          new Table("PCI", "MODEL", "DRIVER", ">GROUP", "NAMESPACE", ">SIZE", ">BLOCK", "USED");
      controllers.forEach(controller -> rows(table, controller));
      table.print(nvmed.out());
      nvmed.out().flush();
    }
    return 0;
  }

  /** A row a namespace; further uses of it are on rows of their own. */
  private static void rows(Table table, NvmeController controller) {
    List<String> whole = uses(controller, null);
    if (controller.namespaces().isEmpty()) {
      row(table, controller, "-", "-", "-", whole);
    }
    for (Namespace namespace : controller.namespaces()) {
      List<String> uses = new ArrayList<>(uses(controller, namespace.name()));
      if (namespace.equals(controller.namespaces().getFirst())) {
        uses.addAll(whole);
      }
      String metadata = namespace.metadataBytes() == 0 ? "" : "+" + namespace.metadataBytes();
      row(
          table,
          controller,
          namespace.name(),
          Sizes.format(namespace.sizeBytes()),
          namespace.blockBytes() + metadata,
          uses);
    }
  }

  private static List<String> uses(NvmeController controller, @Nullable String namespace) {
    return controller.uses().stream()
        .filter(use -> Objects.equals(use.namespace(), namespace))
        .map(Use::brief)
        .toList();
  }

  private static void row(
      Table table,
      NvmeController controller,
      String namespace,
      String size,
      String block,
      List<String> uses) {
    IommuGroup group = controller.group();
    table.row(
        controller.address(),
        shortened(controller.description()),
        controller.driver() == null ? "-" : controller.driver(),
        group == null ? "-" : group.number(),
        namespace,
        size,
        block,
        uses.isEmpty() ? "no" : uses.getFirst());
    uses.stream().skip(1).forEach(use -> table.row("", "", "", "", "", "", "", use));
  }

  private static String shortened(String model) {
    return model.length() <= MODEL_WIDTH ? model : model.substring(0, MODEL_WIDTH - 1) + "…";
  }
}
