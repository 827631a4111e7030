package io.nvmedirect.cli;

import io.nvmedirect.sysfs.KernelFiles;
import io.nvmedirect.sysfs.Roots;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Whether the kernel has VFIO: loaded, built in, or as modules that can be loaded. */
final class ModuleChecks {

  private static final List<String> MODULES = List.of("vfio", "vfio_iommu_type1", "vfio_pci");

  private ModuleChecks() {}

  static List<Check> run(Roots roots) {
    List<Check> checks = new ArrayList<>();
    for (String module : MODULES) {
      checks.add(check(roots, module));
    }
    return checks;
  }

  private static Check check(Roots roots, String module) {
    String topic = "module " + module;
    boolean driver =
        module.equals("vfio_pci")
            && Files.isDirectory(roots.sys().resolve("bus/pci/drivers/vfio-pci"));
    if (driver || Files.isDirectory(roots.sys().resolve("module").resolve(module))) {
      return Check.ok(topic, "loaded");
    }
    String release = KernelFiles.text(roots.proc().resolve("sys/kernel/osrelease"));
    Path directory = roots.modules().resolve(release == null ? "unknown" : release);
    if (has(directory.resolve("modules.builtin"), module)) {
      return Check.ok(topic, "built into the kernel");
    }
    if (has(directory.resolve("modules.dep"), module)) {
      return module.equals("vfio_pci")
          ? Check.ok(topic, "not loaded; 'nvmed bind' loads it")
          : Check.ok(topic, "not loaded; comes with vfio-pci");
    }
    return Check.fail(
        topic,
        release == null
            ? "not loaded, and which modules there are cannot be told: /proc does not name the kernel"
            : "not loaded, and %s has no such module".formatted(directory),
        "install the modules of this kernel, or a kernel with CONFIG_VFIO_PCI");
  }

  /** The lists name files, with dashes or underscores: {@code kernel/drivers/vfio/pci/vfio-pci.ko.xz: …}. */
  private static boolean has(Path list, String module) {
    String file = "(?:.*/)?" + module.replace("_", "[_-]") + "\\.ko(?:\\.\\w+)?(?::.*)?";
    return KernelFiles.lines(list).stream().anyMatch(line -> line.matches(file));
  }
}
