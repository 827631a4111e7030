package io.nvmedirect.cli;

import io.nvmedirect.testing.Simulation;
import io.nvmedirect.testing.SimulationFailure;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "simulate",
    header =
        "Run the library against a device that fails, in virtual time, and check what it does.",
    description = {
      "Each run follows from its seed: driver, engine and cache on a simulated controller that delays and"
          + " reorders completions, loses them or gives them twice, fails commands, stops, disappears, and"
          + " whose power is cut. Reads are checked against what was written, and flushed data against what"
          + " is left.",
      "It needs no device and changes nothing."
    },
    footer = {
      "  nvmed simulate --seeds 1000",
      "  nvmed simulate --minutes 10",
      "  nvmed simulate --seed 42 --seeds 1 --trace"
    })
@SuppressWarnings("NullAway.Init")
final class SimulateCommand implements Callable<Integer> {

  private static final int DEFAULT_RUNS = 100;

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description = "First seed; a random one without this.")
  @Nullable Long first;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      description = "Runs, one for each seed from the first one on.")
  @Nullable Integer runs;

  @Option(names = "--minutes", paramLabel = "M", description = "Go on for this long.")
  @Nullable Integer minutes;

  @Option(names = "--trace", description = "Print all that happens, a line for each event.")
  boolean trace;

  @Override
  public Integer call() throws IOException {
    if ((runs != null && runs < 1) || (minutes != null && minutes < 1)) {
      throw new ParameterException(
          spec.commandLine(),
          "--seeds and --minutes are 1 or more: " + (runs != null ? runs : minutes));
    }
    long from = first != null ? first : ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE);
    long limit = runs != null ? runs : minutes != null ? Long.MAX_VALUE : DEFAULT_RUNS;
    long startNs = System.nanoTime();
    long longestNs = minutes != null ? TimeUnit.MINUTES.toNanos(minutes) : Long.MAX_VALUE;
    nvmed.say("first seed: " + from);
    long done = 0;
    long virtualNs = 0;
    long operations = 0;
    long failed = 0;
    long powerCuts = 0;
    while (done < limit && System.nanoTime() - startNs < longestNs) {
      nvmed.stop.check();
      try {
        Simulation.Result result = Simulation.run(from + done, trace);
        if (trace) {
          nvmed.say(result.trace());
        }
        virtualNs += result.virtualNs();
        operations += result.operations();
        failed += result.failed();
        powerCuts += result.powerCuts();
      } catch (SimulationFailure e) {
        nvmed.warn("nvmed: " + e.getMessage());
        nvmed.warn(
            "nvmed: to see it again: nvmed simulate --seed %d --seeds 1 --trace"
                .formatted(from + done));
        return Nvmed.FAILED;
      }
      done++;
    }
    nvmed.say(
        "%,d runs without a fault in %,d s: %,d h of virtual time, %,d operations, %,d that failed, %,d power cuts"
            .formatted(
                done,
                TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNs),
                TimeUnit.NANOSECONDS.toHours(virtualNs),
                operations,
                failed,
                powerCuts));
    return 0;
  }
}
