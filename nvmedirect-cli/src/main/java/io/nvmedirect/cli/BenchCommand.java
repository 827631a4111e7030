package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
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
      "Each queue belongs to one thread, which keeps --iodepth I/Os in flight and polls for their "
          + "completions. Latency is from the post of a command to its completion as the thread sees "
          + "it. A warm-up of up to a second comes before each measurement and is not counted.",
      "A load that writes overwrites the device's data. Without --rw: random reads, and on mem: then "
          + "random writes. A mem: device is filled first. mem: and file: controllers get a thread of "
          + "their own unless the address has a mode."
    },
    footer = {
      "  nvmed bench",
      "  nvmed bench 'mem:1GiB?mode=inline' --rw randread --iodepth 1",
      "  nvmed bench /dev/nvme0n1 --rw randread --bs 4k --queues 2 --runtime 30s --json result.json"
    })
@SuppressWarnings("NullAway.Init")
final class BenchCommand implements Callable<Integer> {

  private static final Duration LONGEST_WARMUP = Duration.ofSeconds(1);
  private static final long MAX_BLOCK_BYTES = 64 << 20;
  private static final long FILL_NS = 5_000_000_000L;

  @ParentCommand Nvmed nvmed;
  @Spec CommandSpec spec;
  @Mixin NamespaceOption namespace;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "ADDRESS",
      defaultValue = "mem:1GiB",
      description = "The device, see 'nvmed --help' (default: ${DEFAULT-VALUE}).")
  String address;

  @Option(
      names = "--rw",
      paramLabel = "LOAD",
      split = ",",
      description = "${COMPLETION-CANDIDATES}; several with commas between them.")
  List<Workload> workloads = new ArrayList<>();

  @Option(
      names = "--bs",
      paramLabel = "SIZE",
      defaultValue = "4k",
      converter = SizeConverter.class,
      description = "Bytes of one I/O (default: ${DEFAULT-VALUE}).")
  long blockBytes;

  @Option(
      names = "--iodepth",
      paramLabel = "N",
      defaultValue = "32",
      description = "I/Os in flight on each queue (default: ${DEFAULT-VALUE}).")
  int depth;

  @Option(
      names = "--queues",
      paramLabel = "N",
      defaultValue = "1",
      description = "Queues, each with a thread (default: ${DEFAULT-VALUE}).")
  int queues;

  @Option(
      names = "--runtime",
      paramLabel = "TIME",
      defaultValue = "5s",
      converter = DurationConverter.class,
      description = "Length of each measurement: 5, 5s, 500ms, 1m (default: ${DEFAULT-VALUE}).")
  Duration runtime;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the results to a file too; - writes them to standard output instead.")
  @Nullable String json;

  @Override
  public Integer call() throws IOException {
    require(blockBytes > 0 && blockBytes <= MAX_BLOCK_BYTES, "--bs is 1 byte to 64 MiB");
    require(depth > 0 && depth <= 65535, "--iodepth is 1 to 65535");
    require(queues > 0 && queues <= 1024, "--queues is 1 to 1024");
    address = Addresses.withOwnThread(address);
    if (workloads.isEmpty()) {
      workloads.add(Workload.RANDREAD);
      if (Addresses.isMemory(address)) {
        workloads.add(Workload.RANDWRITE);
      }
    }
    List<BenchResult> results = new ArrayList<>();
    Map<String, @Nullable Object> report;
    requireDirectory();
    try (Session session = namespace.open(address, nvmed.stop)) {
      NvmeDevice device = session.device();
      requireFits(device);
      if (!"-".equals(json)) {
        header(device);
      }
      if (Addresses.isMemory(address)) {
        fill(device);
      }
      for (Workload workload : workloads) {
        results.add(measure(device, workload));
      }
      report = report(device, results);
    }
    print(results, report);
    return 0;
  }

  private void require(boolean condition, String message) {
    if (!condition) {
      throw new ParameterException(spec.commandLine(), message);
    }
  }

  /** Not after minutes of measuring. */
  private void requireDirectory() throws IOException {
    if (json != null && !json.equals("-")) {
      Path parent = Path.of(json).toAbsolutePath().getParent();
      if (parent == null || !Files.isWritable(parent)) {
        throw new IOException(json + ": no directory to write to");
      }
    }
  }

  private void requireFits(NvmeDevice device) throws IOException {
    if (blockBytes % device.blockBytes() != 0) {
      throw new IOException(
          "%s has blocks of %d bytes: --bs %s is not a multiple"
              .formatted(address, device.blockBytes(), Sizes.option(blockBytes)));
    }
    if (device.sizeBytes() / blockBytes < queues) {
      throw new IOException(
          "%s is too small: size=%d, --bs %s, --queues %d"
              .formatted(address, device.sizeBytes(), Sizes.option(blockBytes), queues));
    }
    if (depth > device.maxQueueDepth() || queues > device.maxQueues()) {
      throw new IOException(
          "%s has at most %d queues of %d commands: --queues %d, --iodepth %d"
              .formatted(address, device.maxQueues(), device.maxQueueDepth(), queues, depth));
    }
  }

  /** Fills the device, so that reads do not all come from one page of zeroes. */
  private void fill(NvmeDevice device) throws IOException {
    ByteBuffer noise = ByteBuffer.allocateDirect(1 << 20);
    byte[] bytes = new byte[1 << 20];
    new SplittableRandom(0).nextBytes(bytes);
    noise.put(bytes);
    long endNs = System.nanoTime() + FILL_NS;
    try (DeviceOutput output = new DeviceOutput(device, 0);
        Progress progress = Progress.of("fill", device.sizeBytes())) {
      while (output.count() < device.sizeBytes() && System.nanoTime() < endNs) {
        nvmed.stop.check();
        noise.clear().limit((int) Math.min(noise.capacity(), device.sizeBytes() - output.count()));
        output.write(noise);
        progress.bytes(output.count());
      }
      output.finish();
    }
  }

  private BenchResult measure(NvmeDevice device, Workload workload) throws IOException {
    BenchLoad load = new BenchLoad(workload, (int) blockBytes, depth, queues, warmup(), runtime);
    long total = warmup().plus(runtime).toNanos();
    try (Progress progress = Progress.of(workload.toString(), total)) {
      return new Bench(device, load, nvmed.stop).run(progress);
    }
  }

  private Duration warmup() {
    return runtime.compareTo(LONGEST_WARMUP) < 0 ? runtime : LONGEST_WARMUP;
  }

  private void header(NvmeDevice device) {
    nvmed.say("Device  " + address + ", " + Sizes.format(device.sizeBytes()));
    nvmed.say(
        "        %s%s"
            .formatted(
                device.controller().modelNumber(),
                Addresses.isEmulated(address) ? ", an emulated controller in this process" : ""));
    nvmed.say(
        "Load    %s blocks, iodepth %d, queues %d, %s each after a warm-up of %s (not counted)"
            .formatted(Sizes.format(blockBytes), depth, queues, time(runtime), time(warmup())));
    nvmed.say(
        "Host    JDK %s, %s, %d CPUs%n"
            .formatted(Runtime.version(), cpu(), Runtime.getRuntime().availableProcessors()));
  }

  private static String time(Duration duration) {
    return duration.toMillis() % 1000 == 0
        ? duration.toSeconds() + " s"
        : duration.toMillis() + " ms";
  }

  private static String cpu() {
    try {
      return Files.readString(Path.of("/proc/cpuinfo"))
          .lines()
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }

  private Map<String, @Nullable Object> report(NvmeDevice device, List<BenchResult> results) {
    return Json.object(
        "address", address,
        "model", device.controller().modelNumber(),
        "emulated", Addresses.isEmulated(address),
        "sizeBytes", device.sizeBytes(),
        "nvmed", Nvmed.Version.program(),
        "jdk", Runtime.version().toString(),
        "cpu", cpu(),
        "cpus", Runtime.getRuntime().availableProcessors(),
        "warmupSeconds", warmup().toNanos() / 1e9,
        "results", results.stream().map(BenchResult::json).toList());
  }

  private void print(List<BenchResult> results, Map<String, @Nullable Object> report)
      throws IOException {
    if ("-".equals(json)) {
      nvmed.say(Json.text(report));
      return;
    }
    Table table = BenchResult.table();
    results.forEach(result -> result.addTo(table));
    PrintWriter out = nvmed.out();
    table.print(out);
    out.flush();
    if (json != null) {
      Files.writeString(Path.of(json), Json.text(report) + System.lineSeparator());
    }
  }
}
