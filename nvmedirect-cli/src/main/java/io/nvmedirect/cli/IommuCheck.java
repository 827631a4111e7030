package io.nvmedirect.cli;

import io.nvmedirect.sysfs.KernelFiles;
import io.nvmedirect.sysfs.Roots;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Whether the IOMMU is on, and VFIO's mode without one. */
final class IommuCheck {

  private static final Pattern TURNED_OFF =
      Pattern.compile("\\b((?:intel_|amd_)?iommu=(?:off|no)\\b)");

  private IommuCheck() {}

  static List<Check> run(Roots roots) {
    boolean noIommu = NoIommu.isEnabled(roots);
    long groups =
        KernelFiles.children(roots.sys().resolve("kernel/iommu_groups")).stream()
            .filter(group -> !"vfio-noiommu".equals(KernelFiles.text(group.resolve("name"))))
            .count();
    return List.of(iommu(roots, groups, noIommu), mode(groups, noIommu));
  }

  private static Check iommu(Roots roots, long groups, boolean noIommu) {
    String topic = "IOMMU";
    if (groups > 0) {
      String units =
          KernelFiles.children(roots.sys().resolve("class/iommu")).stream()
              .map(KernelFiles::name)
              .collect(Collectors.joining(", "));
      return Check.ok(
          topic, "on, %d groups%s".formatted(groups, units.isEmpty() ? "" : " (" + units + ")"));
    }
    String finding = "off: the kernel has no IOMMU groups";
    return noIommu
        ? Check.warn(topic, finding, mend(roots))
        : Check.fail(topic, finding, mend(roots));
  }

  private static Check mode(long groups, boolean noIommu) {
    String topic = "no-IOMMU mode";
    if (!noIommu) {
      return Check.ok(topic, "off, as it should be");
    }
    return Check.warn(
        topic,
        "on: without an IOMMU a wrong DMA address can overwrite any memory",
        groups > 0
            ? "echo N > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
            : "turn the IOMMU on");
  }

  /** How to turn the IOMMU of this machine on. */
  static String mend(Roots roots) {
    String commandLine =
        Objects.requireNonNullElse(KernelFiles.text(roots.proc().resolve("cmdline")), "");
    List<String> off = TURNED_OFF.matcher(commandLine).results().map(r -> r.group(1)).toList();
    String remove =
        off.isEmpty() ? "" : "remove " + String.join(" ", off) + " from the kernel command line, ";
    String cpu = Objects.requireNonNullElse(KernelFiles.text(roots.proc().resolve("cpuinfo")), "");
    if (cpu.contains("GenuineIntel")) {
      return remove + "turn VT-d on in the firmware, add intel_iommu=on to the kernel command line";
    }
    if (cpu.contains("AuthenticAMD")) {
      return remove
          + "turn AMD-Vi (IOMMU) on in the firmware; the kernel then uses it without an option (amd_iommu=off must not be given)";
    }
    return remove + "turn the IOMMU (SMMU) on in the firmware; in a virtual machine, give it one";
  }
}
