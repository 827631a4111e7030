package io.nvmedirect.vmtest.machine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * What this host has for a virtual machine.
 *
 * @param kernel an unpacked kernel
 * @param dyingWithParent the words before a command that let it die with the thread that started it
 */
record Host(Path qemu, Path kernel, Path javaHome, List<String> dyingWithParent) {

  /** From the environment that scripts/vm.sh prepares. */
  static Host find() throws VirtualMachineMissing {
    String missing = System.getenv("NVMEDIRECT_VM_MISSING");
    if (missing != null) {
      throw new VirtualMachineMissing(missing);
    }
    String kernel = System.getenv("NVMEDIRECT_KERNEL");
    if (kernel == null || !Files.isDirectory(Path.of(kernel))) {
      throw new VirtualMachineMissing(
          "NVMEDIRECT_KERNEL is %s; ./verify and ./nvmed vm set it".formatted(kernel));
    }
    Path qemu = Programs.find("qemu-system-x86_64");
    if (qemu == null) {
      throw new VirtualMachineMissing(
          "no qemu-system-x86_64; install it with: apt-get install qemu-system-x86");
    }
    Path setpriv = Programs.find("setpriv");
    return new Host(
        qemu,
        Path.of(kernel),
        Path.of(System.getProperty("java.home")),
        setpriv == null ? List.of() : List.of(setpriv.toString(), "--pdeathsig", "KILL"));
  }
}
