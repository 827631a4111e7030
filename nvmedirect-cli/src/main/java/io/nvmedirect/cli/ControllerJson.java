package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Json;
import io.nvmedirect.sysfs.IommuGroup;
import io.nvmedirect.sysfs.Namespace;
import io.nvmedirect.sysfs.NvmeController;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All that is known of a controller, for programs. */
final class ControllerJson {

  private ControllerJson() {}

  static Map<String, @Nullable Object> object(NvmeController controller) {
    IommuGroup group = controller.group();
    return Json.object(
        "pciAddress", controller.address().toString(),
        "vendorId", "%04x".formatted(controller.vendorId()),
        "deviceId", "%04x".formatted(controller.deviceId()),
        "class", "%06x".formatted(controller.classCode()),
        "driver", controller.driver(),
        "driverOverride", controller.driverOverride(),
        "iommuGroup", group == null ? null : group(group),
        "numaNode", controller.numaNode() < 0 ? null : controller.numaNode(),
        "name", controller.name(),
        "model", controller.model(),
        "serial", controller.serial(),
        "firmware", controller.firmware(),
        "namespaces", controller.namespaces().stream().map(ControllerJson::namespace).toList(),
        "used", !controller.uses().isEmpty(),
        "uses", uses(controller));
  }

  private static Map<String, @Nullable Object> group(IommuGroup group) {
    return Json.object(
        "number", group.number(),
        "noIommu", group.noIommu(),
        "members",
            group.members().stream()
                .map(member ->
                    Json.object(
                        "pciAddress", member.address().toString(),
                        "class", "%06x".formatted(member.classCode()),
                        "driver", member.driver()))
                .toList());
  }

  private static Map<String, @Nullable Object> namespace(Namespace namespace) {
    return Json.object(
        "address", "/dev/" + namespace.name(),
        "nsid", namespace.nsid() == 0 ? null : namespace.nsid(),
        "sizeBytes", namespace.sizeBytes(),
        "blockBytes", namespace.blockBytes(),
        "metadataBytes", namespace.metadataBytes(),
        "partitions",
            namespace.partitions().stream()
                .map(partition ->
                    Json.object(
                        "address", "/dev/" + partition.name(), "sizeBytes", partition.sizeBytes()))
                .toList());
  }

  private static List<Map<String, @Nullable Object>> uses(NvmeController controller) {
    return controller.uses().stream()
        .map(use ->
            Json.object(
                "kind", use.kind().name(),
                "namespace", use.namespace(),
                "device", use.device(),
                "by", use.by().isEmpty() ? null : use.by(),
                "text", use.sentence()))
        .toList();
  }
}
