package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Json;
import io.nvmedirect.sysfs.Roots;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "doctor",
    header = "Check whether this machine is ready for kernel bypass.",
    description = {
      "IOMMU, VFIO, memory, permissions, JDK: one line each, and what to do about it. Changes nothing.",
      "Exit status 1 if a check fails, that is, if pci: addresses cannot work yet; warnings do not count."
    },
    footer = {"  nvmed doctor", "  nvmed doctor --json"})
@SuppressWarnings("NullAway.Init")
final class DoctorCommand implements Callable<Integer> {

  @ParentCommand Nvmed nvmed;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Override
  public Integer call() {
    Roots roots = nvmed.streams.roots();
    List<Check> checks = new ArrayList<>();
    checks.addAll(IommuCheck.run(roots));
    checks.addAll(ModuleChecks.run(roots));
    checks.addAll(new DeviceChecks(roots).run());
    checks.addAll(MemoryChecks.run(roots));
    checks.addAll(RuntimeChecks.run(roots));
    boolean ready = checks.stream().noneMatch(check -> check.mark() == Check.Mark.FAIL);
    nvmed.say(json ? json(checks, ready) : text(checks, ready));
    return ready ? 0 : Nvmed.FAILED;
  }

  private static String text(List<Check> checks, boolean ready) {
    int width = checks.stream().mapToInt(check -> check.topic().length()).max().orElse(1);
    StringBuilder text = new StringBuilder();
    for (Check check : checks) {
      text.append(
          ("%-4s  %-" + width + "s  %s%s%n")
              .formatted(
                  check.mark(),
                  check.topic(),
                  check.finding(),
                  check.mend() == null ? "" : " -> " + check.mend()));
    }
    return text.append(ready ? "Ready for kernel bypass." : "Not ready for kernel bypass yet.")
        .toString();
  }

  private static String json(List<Check> checks, boolean ready) {
    List<Map<String, @Nullable Object>> objects = new ArrayList<>();
    for (Check check : checks) {
      objects.add(
          Json.object(
              "mark", check.mark().name(),
              "topic", check.topic(),
              "finding", check.finding(),
              "mend", check.mend()));
    }
    return Json.text(Json.object("ready", ready, "checks", objects));
  }
}
