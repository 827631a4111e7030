package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.sysfs.KernelFiles;
import io.nvmedirect.sysfs.Roots;
import java.util.List;

/** The JDK, and what a container takes away. */
final class RuntimeChecks {

  private static final int LEAST_FEATURE = 25;

  private RuntimeChecks() {}

  static List<Check> run(Roots roots) {
    return List.of(jdk(Runtime.version().feature()), nativeAccess(), sysfs(roots), seccomp(roots));
  }

  static Check jdk(int feature) {
    return feature >= LEAST_FEATURE
        ? Check.ok("JDK", Runtime.version().toString())
        : Check.fail("JDK", Runtime.version().toString(), "use JDK 25 or newer");
  }

  private static Check nativeAccess() {
    Module library = NvmeDevice.class.getModule();
    String option =
        "--enable-native-access=" + (library.isNamed() ? library.getName() : "ALL-UNNAMED");
    return library.isNativeAccessEnabled()
        ? Check.ok("native access", "enabled")
        : Check.warn("native access", "not enabled: the JVM warns", "start java with " + option);
  }

  private static Check sysfs(Roots roots) {
    boolean readOnly =
        KernelFiles.lines(roots.proc().resolve("self/mountinfo")).stream()
            .anyMatch(line -> line.matches("(?:\\S+ ){4}/sys ro[, ].*"));
    if (readOnly) {
      return Check.warn(
          "sysfs",
          "/sys is mounted read-only, as in a container: bind and unbind cannot work here",
          "bind on the host, and pass /dev/vfio/vfio and /dev/vfio/GROUP in");
    }
    return KernelFiles.children(roots.sys()).isEmpty()
        ? Check.fail("sysfs", "there is no /sys", "mount -t sysfs sysfs /sys")
        : Check.ok("sysfs", "/sys is mounted");
  }

  private static Check seccomp(Roots roots) {
    boolean filtered =
        KernelFiles.lines(roots.proc().resolve("self/status")).stream()
            .anyMatch(line -> line.matches("Seccomp:\\s*2"));
    return filtered
        ? Check.warn(
            "seccomp",
            "system calls of this process are filtered, as in a container",
            "if ioctl, mlock or eventfd fail with EPERM, use another seccomp profile")
        : Check.ok("seccomp", "no filter");
  }
}
