package io.nvmedirect.cli;

import io.nvmedirect.cli.bench.Engine;
import io.nvmedirect.cli.bench.Job;
import io.nvmedirect.cli.bench.JobFile;
import io.nvmedirect.cli.bench.JobOptions;
import io.nvmedirect.cli.bench.Result;
import io.nvmedirect.cli.bench.Run;
import io.nvmedirect.cli.bench.ToolCost;
import io.nvmedirect.cli.format.Addresses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    header = "Measure I/O operations per second, latency and CPU time.",
    description = {
      "Each queue belongs to one thread, which keeps --iodepth I/Os in flight and polls for their"
          + " completions. Latency is from the post of a command to its completion as the thread"
          + " sees it; with --rate-iops it is from when the I/O was due.",
      "A load that writes overwrites the device's data. Without --rw: random reads, and on mem:"
          + " then random writes. A mem: device is filled first, and so is a new file. mem: and"
          + " file: controllers get a thread of their own unless the address has a mode.",
      "Instead of an address it takes a job file of fio's format; options given beside it win over"
          + " the file's. With --compare it measures the ways that Java has to one file, side by"
          + " side."
    },
    footer = {
      "  nvmed bench",
      "  nvmed bench 'mem:1GiB?mode=inline' --rw randread --iodepth 1,2,4,8,16,32",
      "  nvmed bench pci:0000:01:00.0 --rw randread --queues 2 --runtime 30s --json result.json",
      "  nvmed bench job.fio --filename pci:0000:01:00.0 --html result.html",
      "  nvmed bench file:/tmp/disk?size=1GiB --rw randwrite --verify crc32c --io-size 256m",
      "  nvmed bench --compare /tmp --size 1GiB"
    })
@SuppressWarnings("NullAway.Init")
final class BenchCommand implements Callable<Integer> {

  private static final String MEMORY = "mem:1GiB";
  private static final String DEPTH = "32";
  private static final String RUNTIME = "5s";
  private static final Duration LONGEST_RAMP = Duration.ofSeconds(1);

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;
  @Mixin NamespaceOption namespace;
  @Mixin LoadOptions load;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "ADDRESS|JOBS",
      description = {
        "The device, see 'nvmed --help' (default: mem:1GiB); or a job file; or with another engine"
            + " a path; or with --compare a directory."
      })
  @Nullable String target;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description =
          "Write the results to a file too, as fio's json+; - writes them to standard output"
              + " instead.")
  @Nullable String json;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write a page with plots too; see 'nvmed report' for several results on one.")
  @Nullable Path html;

  @Option(
      names = "--compare",
      description =
          "Measure this framework, FileChannel, AsynchronousFileChannel, a mapped file and io_uring"
              + " on one file, which is made and deleted.")
  boolean compare;

  @Override
  public Integer call() throws IOException {
    BenchOutput output = new BenchOutput(nvmed, json, html);
    output.requireWritable();
    if (compare) {
      try {
        return new Comparison(nvmed, namespace, load, output).run(target);
      } catch (IllegalArgumentException e) {
        throw misused(e);
      }
    }
    List<Job> jobs = jobs(output);
    // Ctrl-C waits until what there is has been shown.
    nvmed.stop.enter();
    try {
      measure(jobs, output);
    } finally {
      nvmed.stop.leave();
    }
    nvmed.stop.check();
    return 0;
  }

  private void measure(List<Job> jobs, BenchOutput output) throws IOException {
    try (BenchDevices devices = new BenchDevices(namespace, nvmed)) {
      for (Job job : jobs) {
        if (job.target().engine() == Engine.NVMED) {
          devices.open(job.target().address(), job.pattern().workload().writes);
        }
      }
      Run run = new Run(devices, nvmed.stop::requested, observer());
      run.require(jobs);
      @Nullable ToolCost cost = ToolCost.of(jobs.getFirst());
      output.header(jobs, devices.opened());
      List<Result> results = measured(run, jobs);
      if (results.isEmpty()) {
        return;
      }
      if (nvmed.stop.requested()) {
        output.interrupted();
      }
      output.show(results, run.totals(), cost, devices.opened());
    }
  }

  private List<Result> measured(Run run, List<Job> jobs) throws IOException {
    try {
      return run.run(jobs);
    } finally {
      closeProgress();
    }
  }

  // ---- Jobs.

  private List<Job> jobs(BenchOutput output) throws IOException {
    try {
      if (target != null && isJobFile(target)) {
        return jobsOfFile(Path.of(target), output);
      }
      return jobsOfOptions(output);
    } catch (IllegalArgumentException e) {
      throw misused(e);
    }
  }

  /** Messages begin with fio's name of the option, which is one here too. */
  private ParameterException misused(IllegalArgumentException e) {
    String message = String.valueOf(e.getMessage());
    return new ParameterException(
        spec.commandLine(),
        message.startsWith("filename=")
            ? message.substring("filename=".length())
            : "--" + message.replaceFirst("^bsrange=", "bs="),
        e);
  }

  /** With an engine, a file may also be what is measured. */
  private boolean isJobFile(String text) throws IOException {
    return !Addresses.isAddress(text)
        && Files.isRegularFile(Path.of(text))
        && (load.engine == null || JobFile.isOne(Path.of(text)));
  }

  private List<Job> jobsOfFile(Path file, BenchOutput output) throws IOException {
    Map<String, String> given = new LinkedHashMap<>(load.given());
    single(given, "rw", load.workloads);
    single(given, "iodepth", load.depths);
    JobFile jobs = JobFile.read(file, given);
    jobs.messages().forEach(output::note);
    return jobs.jobs().stream().map(BenchCommand::withOwnThread).toList();
  }

  private static void single(Map<String, String> given, String key, List<String> values) {
    if (values.size() > 1) {
      throw new IllegalArgumentException(
          "%s=%s: one value beside a job file".formatted(key, String.join(",", values)));
    }
    values.forEach(value -> given.put(key, value));
  }

  private List<Job> jobsOfOptions(BenchOutput output) {
    String address = target == null ? MEMORY : target;
    List<String> workloads =
        !load.workloads.isEmpty()
            ? load.workloads
            : Addresses.isMemory(address) ? List.of("randread", "randwrite") : List.of("randread");
    List<Job> jobs = new ArrayList<>();
    Set<String> notes = new LinkedHashSet<>();
    for (String workload : workloads) {
      for (String depth : load.depths.isEmpty() ? List.of(DEPTH) : load.depths) {
        JobOptions options = new JobOptions();
        options.set("rw", workload);
        options.set("iodepth", depth);
        options.set("filename", address);
        options.set("stonewall", "1");
        options.set("group_reporting", "1");
        if (load.bytes == null) {
          options.set("time_based", "1");
          options.set("runtime", RUNTIME);
        }
        if (load.verify == null) {
          options.set("norandommap", "1");
        }
        load.given().forEach(options::set);
        options.set("name", workload.strip().toLowerCase(Locale.ROOT));
        jobs.add(withOwnThread(withRamp(load.build(options))));
        notes.addAll(options.ignored());
      }
    }
    notes.forEach(note -> output.note("Note    " + note));
    return jobs;
  }

  /** As long as the runtime, up to a second, if none is given and the time is what ends it. */
  private Job withRamp(Job job) {
    Duration runtime = job.span().runtime();
    if (load.ramp != null || load.bytes != null || runtime == null) {
      return job;
    }
    Duration ramp = runtime.compareTo(LONGEST_RAMP) < 0 ? runtime : LONGEST_RAMP;
    return job.with(new Job.Span(ramp, runtime, job.span().timeBased(), job.span().bytes()));
  }

  private static Job withOwnThread(Job job) {
    Job.Target target = job.target();
    return target.engine() == Engine.NVMED
        ? job.with(
            new Job.Target(
                Engine.NVMED, Addresses.withOwnThread(target.address()), target.direct()))
        : job;
  }

  // ---- The live line.

  private @Nullable Progress progress;
  private String shown = "";

  private Run.Observer observer() {
    return (names, elapsedNs, totalNs, operations, measuredNs) -> {
      if (progress == null || !shown.equals(names)) {
        closeProgress();
        progress = Progress.of(names, totalNs);
        shown = names;
      }
      progress.note(elapsedNs, note(operations, measuredNs));
    };
  }

  private static String note(long operations, long measuredNs) {
    return measuredNs == 0
        ? "warm-up"
        : String.format(Locale.ROOT, "%,.0f IOPS", operations / (measuredNs / 1e9));
  }

  private void closeProgress() {
    if (progress != null) {
      progress.close();
      progress = null;
    }
  }
}
