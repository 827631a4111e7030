package io.nvmedirect.cli;

import io.nvmedirect.cli.format.Json;
import io.nvmedirect.cli.format.Table;
import io.nvmedirect.spec.SmartLog;
import java.io.IOException;
import java.io.PrintWriter;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

@Command(
    name = "smart",
    header = "Show a device's health: temperature, wear, errors, amounts of I/O.",
    description =
        "The log page SMART / Health Information of NVMe 1.4, over the life of the device.",
    footer = {"  nvmed smart /dev/nvme0n1", "  nvmed smart --json pci:0000:01:00.0"})
@SuppressWarnings("NullAway.Init")
final class SmartCommand implements Callable<Integer> {

  private static final int ZERO_CELSIUS_KELVIN = 273;
  private static final BigInteger DATA_UNIT_BYTES = BigInteger.valueOf(1000 * 512);
  private static final List<String> WARNINGS =
      List.of(
          "spare is low",
          "temperature",
          "reliability is degraded",
          "read only",
          "backup of volatile memory failed",
          "persistent memory is read only");

  @ParentCommand Nvmed nvmed;
  @Mixin DeviceArguments device;

  @Option(names = "--json", description = "Print JSON.")
  boolean json;

  @Override
  public Integer call() throws IOException {
    try (Session session = device.openToRead(nvmed.stop)) {
      SmartLog smart = session.device().smart();
      if (json) {
        nvmed.say(json(smart));
      } else {
        print(smart, nvmed.out());
        nvmed.out().flush();
      }
    }
    return 0;
  }

  private static void print(SmartLog smart, PrintWriter out) {
    List<String> warnings = warnings(smart.criticalWarning());
    new Table("FIELD", ">VALUE", "UNIT")
        .row("Critical warning", warnings.isEmpty() ? "none" : String.join(", ", warnings), "")
        .row("Temperature", smart.temperatureKelvin() - ZERO_CELSIUS_KELVIN, "°C")
        .row("Available spare", smart.availableSparePercent(), "%")
        .row("Available spare threshold", smart.availableSpareThresholdPercent(), "%")
        .row("Endurance used", smart.percentageUsed(), "%")
        .row("Data read", grouped(bytes(smart.dataUnitsRead())), "bytes, to the next 512,000")
        .row("Data written", grouped(bytes(smart.dataUnitsWritten())), "bytes, to the next 512,000")
        .row("Host read commands", grouped(smart.hostReadCommands()), "")
        .row("Host write commands", grouped(smart.hostWriteCommands()), "")
        .row("Controller busy", grouped(smart.controllerBusyMinutes()), "min")
        .row("Power cycles", grouped(smart.powerCycles()), "")
        .row("Power on", grouped(smart.powerOnHours()), "h")
        .row("Unsafe shutdowns", grouped(smart.unsafeShutdowns()), "")
        .row("Media errors", grouped(smart.mediaErrors()), "")
        .row("Error log entries", grouped(smart.errorLogEntries()), "")
        .row("Above the warning temperature", smart.warningTemperatureMinutes(), "min")
        .row("Above the critical temperature", smart.criticalTemperatureMinutes(), "min")
        .print(out);
  }

  private String json(SmartLog smart) {
    return Json.text(
        Json.object(
            "address", device.address,
            "criticalWarning", smart.criticalWarning(),
            "criticalWarnings", warnings(smart.criticalWarning()),
            "temperatureCelsius", smart.temperatureKelvin() - ZERO_CELSIUS_KELVIN,
            "availableSparePercent", smart.availableSparePercent(),
            "availableSpareThresholdPercent", smart.availableSpareThresholdPercent(),
            "percentageUsed", smart.percentageUsed(),
            "dataUnitsRead", smart.dataUnitsRead(),
            "dataUnitsWritten", smart.dataUnitsWritten(),
            "dataReadBytes", bytes(smart.dataUnitsRead()),
            "dataWrittenBytes", bytes(smart.dataUnitsWritten()),
            "hostReadCommands", smart.hostReadCommands(),
            "hostWriteCommands", smart.hostWriteCommands(),
            "controllerBusyMinutes", smart.controllerBusyMinutes(),
            "powerCycles", smart.powerCycles(),
            "powerOnHours", smart.powerOnHours(),
            "unsafeShutdowns", smart.unsafeShutdowns(),
            "mediaErrors", smart.mediaErrors(),
            "errorLogEntries", smart.errorLogEntries(),
            "warningTemperatureMinutes", smart.warningTemperatureMinutes(),
            "criticalTemperatureMinutes", smart.criticalTemperatureMinutes()));
  }

  private static BigInteger bytes(BigInteger dataUnits) {
    return dataUnits.multiply(DATA_UNIT_BYTES);
  }

  private static String grouped(BigInteger number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  private static List<String> warnings(int bits) {
    List<String> warnings = new ArrayList<>();
    for (int i = 0; i < WARNINGS.size(); i++) {
      if ((bits & 1 << i) != 0) {
        warnings.add(WARNINGS.get(i));
      }
    }
    return warnings;
  }
}
