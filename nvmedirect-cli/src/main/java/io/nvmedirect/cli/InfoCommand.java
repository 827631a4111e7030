package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.cli.format.Json;
import io.nvmedirect.cli.format.Sizes;
import io.nvmedirect.cli.format.Table;
import io.nvmedirect.spec.IdentifyController;
import io.nvmedirect.spec.IdentifyNamespace;
import io.nvmedirect.spec.LbaFormat;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "info",
    header = "Show what a controller and its namespaces are and can do.",
    description =
        "From the Identify data of NVMe 1.4; the open namespace is the one that reads and writes go to.",
    footer = {"  nvmed info", "  nvmed info --json 'mem:1GiB?lba=4096&ns=2'"})
@SuppressWarnings("NullAway.Init")
final class InfoCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;
  @Mixin DeviceArguments device;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    try (Session session = device.openToRead(nvmed.stop)) {
      Map<Integer, IdentifyNamespace> namespaces = new LinkedHashMap<>();
      for (int id : session.device().namespaceIds()) {
        namespaces.put(id, session.device().identifyNamespace(id));
      }
      if (json) {
        nvmed.say(json(session.device(), namespaces));
      } else {
        print(session.device(), namespaces, nvmed.out());
        nvmed.out().flush();
      }
    }
    return 0;
  }

  private void print(NvmeDevice open, Map<Integer, IdentifyNamespace> namespaces, PrintWriter out) {
    IdentifyController controller = open.controller();
    new Table("CONTROLLER", device.address)
        .row("Model", controller.modelNumber())
        .row("Serial number", controller.serialNumber())
        .row("Firmware", controller.firmwareRevision())
        .row("NVMe version", version(controller.version()))
        .row(
            "Vendor",
            "%04x (subsystem %04x)"
                .formatted(controller.vendorId(), controller.subsystemVendorId()))
        .row("Subsystem NQN", controller.subsystemNqn())
        .row("Largest transfer (MDTS)", transfer(open.maxTransferBytes()))
        .row("I/O queues", open.maxQueues())
        .row("Commands in a queue", open.maxQueueDepth())
        .row("Queue priorities", open.hasQueuePriorities() ? "yes" : "no")
        .row("Volatile write cache", controller.hasVolatileWriteCache() ? "yes" : "no")
        .row("Optional commands", String.join(", ", optionalCommands(controller)))
        .row("Temperature limits", limits(controller))
        .print(out);
    out.println();
    Table table =
        new Table("NAMESPACE", ">SIZE", ">BYTES", ">BLOCKS", ">IN USE", "BLOCK SIZES (* CURRENT)");
    namespaces.forEach((id, namespace) -> {
      long block = namespace.format().dataBytes();
      table.row(
          id + (id == open.namespaceId() ? " (open)" : ""),
          Sizes.format(namespace.sizeBlocks() * block),
          namespace.sizeBlocks() * block,
          namespace.sizeBlocks(),
          namespace.usedBlocks(),
          formats(namespace));
    });
    table.print(out);
  }

  private String json(NvmeDevice open, Map<Integer, IdentifyNamespace> namespaces) {
    IdentifyController controller = open.controller();
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    namespaces.forEach((id, namespace) -> list.add(object(id, namespace)));
    return Json.text(
        Json.object(
            "address", device.address,
            "model", controller.modelNumber(),
            "serial", controller.serialNumber(),
            "firmware", controller.firmwareRevision(),
            "version", version(controller.version()),
            "vendorId", controller.vendorId(),
            "subsystemNqn", controller.subsystemNqn(),
            "maxTransferBytes",
                open.maxTransferBytes() == Long.MAX_VALUE ? null : open.maxTransferBytes(),
            "maxQueues", open.maxQueues(),
            "maxQueueDepth", open.maxQueueDepth(),
            "queuePriorities", open.hasQueuePriorities(),
            "volatileWriteCache", controller.hasVolatileWriteCache(),
            "optionalCommands", optionalCommands(controller),
            "openNamespace", open.namespaceId(),
            "namespaces", list));
  }

  private static Map<String, @Nullable Object> object(int id, IdentifyNamespace namespace) {
    List<Map<String, @Nullable Object>> formats = new ArrayList<>();
    for (int i = 0; i < namespace.formats().size(); i++) {
      LbaFormat format = namespace.formats().get(i);
      formats.add(
          Json.object(
              "blockBytes", format.dataBytes(),
              "metadataBytes", format.metadataBytes(),
              "current", i == namespace.formatIndex()));
    }
    return Json.object(
        "id", id,
        "sizeBytes", namespace.sizeBlocks() * namespace.format().dataBytes(),
        "sizeBlocks", namespace.sizeBlocks(),
        "usedBlocks", namespace.usedBlocks(),
        "blockBytes", namespace.format().dataBytes(),
        "nguid", namespace.nguid(),
        "eui64", namespace.eui64(),
        "formats", formats);
  }

  private static String formats(IdentifyNamespace namespace) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < namespace.formats().size(); i++) {
      LbaFormat format = namespace.formats().get(i);
      if (format.dataBytes() != 0) {
        names.add(
            format.dataBytes()
                + (format.metadataBytes() == 0 ? "" : "+" + format.metadataBytes())
                + (i == namespace.formatIndex() ? "*" : ""));
      }
    }
    return String.join(" ", names);
  }

  private static String version(int version) {
    int tertiary = version & 0xFF;
    return "%d.%d%s"
        .formatted(version >>> 16, version >>> 8 & 0xFF, tertiary == 0 ? "" : "." + tertiary);
  }

  private static String transfer(long bytes) {
    return bytes == Long.MAX_VALUE ? "no limit" : Sizes.format(bytes);
  }

  private static String limits(IdentifyController controller) {
    return "warning %s, critical %s"
        .formatted(
            celsius(controller.warningTemperatureKelvin()),
            celsius(controller.criticalTemperatureKelvin()));
  }

  private static String celsius(int kelvin) {
    return kelvin == 0 ? "not reported" : kelvin - 273 + " °C";
  }

  private static List<String> optionalCommands(IdentifyController controller) {
    List<String> names = new ArrayList<>();
    add(names, controller.supportsCompare(), "Compare");
    add(names, controller.supportsWriteUncorrectable(), "Write Uncorrectable");
    add(names, controller.supportsDatasetManagement(), "Dataset Management");
    add(names, controller.supportsWriteZeroes(), "Write Zeroes");
    add(names, controller.supportsVerify(), "Verify");
    add(names, controller.supportsFormat(), "Format NVM");
    add(names, controller.supportsDoorbellBufferConfig(), "Doorbell Buffer Config");
    return names;
  }

  private static void add(List<String> names, boolean supported, String name) {
    if (supported) {
      names.add(name);
    }
  }
}
