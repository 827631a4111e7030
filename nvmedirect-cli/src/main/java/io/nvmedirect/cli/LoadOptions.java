package io.nvmedirect.cli;

import io.nvmedirect.cli.bench.Job;
import io.nvmedirect.cli.bench.JobOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code bench} that describe a load, by fio's names; their values are checked with the jobs. */
final class LoadOptions {

  @Option(
      names = {"--rw", "--readwrite"},
      paramLabel = "LOAD",
      split = ",",
      description =
          "read, write, rw, randread, randwrite, randrw; several with commas between them are "
              + "measured in turn.")
  List<String> workloads = new ArrayList<>();

  @Option(
      names = "--rwmixread",
      paramLabel = "PERCENT",
      description = "Reads of a mixed load (default: 50).")
  @Nullable String readPercent;

  @Option(
      names = "--bs",
      paramLabel = "SIZE",
      description = "Bytes of one I/O, or a range such as 4k-64k (default: 4k).")
  @Nullable String blocks;

  @Option(
      names = "--bssplit",
      paramLabel = "SIZES",
      description = "Sizes with shares in percent: 4k/70:64k/30.")
  @Nullable String split;

  @Option(
      names = "--iodepth",
      paramLabel = "N",
      split = ",",
      description = "I/Os in flight on each queue (default: 32); 1,2,4 is a sweep.")
  List<String> depths = new ArrayList<>();

  @Option(
      names = {"--queues", "--numjobs"},
      paramLabel = "N",
      description = "Queues, each with a thread (default: 1).")
  @Nullable String queues;

  @Option(
      names = "--runtime",
      paramLabel = "TIME",
      description = "Length of each measurement: 5, 5s, 500ms, 1m (default: 5s).")
  @Nullable String runtime;

  @Option(
      names = {"--ramp-time", "--ramp_time"},
      paramLabel = "TIME",
      description = "What comes before it and is not counted (default: up to 1s).")
  @Nullable String ramp;

  @Option(
      names = "--size",
      paramLabel = "SIZE",
      description = "The region that is used (default: all).")
  @Nullable String size;

  @Option(names = "--offset", paramLabel = "SIZE", description = "Where it begins (default: 0).")
  @Nullable String offset;

  @Option(
      names = {"--io-size", "--io_size"},
      paramLabel = "SIZE",
      description = "Ends after so many bytes of each queue instead of after the runtime.")
  @Nullable String bytes;

  @Option(
      names = {"--rate-iops", "--rate_iops"},
      paramLabel = "N",
      description =
          "I/Os per second of each queue, due at equal intervals; latency counts from then.")
  @Nullable String rate;

  @Option(
      names = {"--rate-process", "--rate_process"},
      paramLabel = "NAME",
      description = "linear, or poisson: intervals at random (default: linear).")
  @Nullable String rateProcess;

  @Option(
      names = "--fsync",
      paramLabel = "N",
      description = "A flush after each N writes of a queue.")
  @Nullable String fsync;

  @Option(
      names = "--verify",
      paramLabel = "METHOD",
      description =
          "crc32c: writes blocks that can be checked, and reads them again after the writes; a load "
              + "that only reads checks what was written so.")
  @Nullable String verify;

  @Option(
      names = {"--random-distribution", "--random_distribution"},
      paramLabel = "NAME",
      description =
          "Of random positions: random, zipf:1.2, normal:10, zoned:60/10:30/20:10/70 "
              + "(default: random).")
  @Nullable String distribution;

  @Option(
      names = "--thinktime",
      paramLabel = "TIME",
      description = "A pause after each I/O; a bare number is microseconds.")
  @Nullable String thinkTime;

  @Option(
      names = {"--engine", "--ioengine"},
      paramLabel = "NAME",
      description =
          "nvmed, or for the path of a file or disk filechannel, asyncfilechannel, mmap, iouring "
              + "(default: nvmed).")
  @Nullable String engine;

  @Option(names = "--direct", description = "O_DIRECT, for engines that take a path.")
  boolean direct;

  @Option(
      names = "--filename",
      paramLabel = "ADDRESS",
      description = "Beside a job file: what its jobs work on, in place of the file's filename.")
  @Nullable String filename;

  @Option(
      names = "--directory",
      paramLabel = "DIRECTORY",
      description = "Beside a job file: where its files are.")
  @Nullable String directory;

  /** What was given of those that are the same in all jobs, by fio's names. */
  Map<String, String> given() {
    Map<String, String> given = new LinkedHashMap<>();
    put(given, "rwmixread", readPercent);
    put(given, blocks != null && blocks.contains("-") ? "bsrange" : "bs", blocks);
    put(given, "bssplit", split);
    put(given, "numjobs", queues);
    put(given, "runtime", runtime);
    put(given, "ramp_time", ramp);
    put(given, "size", size);
    put(given, "offset", offset);
    put(given, "io_size", bytes);
    put(given, "rate_iops", rate);
    put(given, "rate_process", rateProcess);
    put(given, "fsync", fsync);
    put(given, "verify", verify);
    put(given, "random_distribution", distribution);
    put(given, "thinktime", thinkTime);
    put(given, "ioengine", engine);
    put(given, "filename", filename);
    put(given, "directory", directory);
    if (direct) {
      given.put("direct", "1");
    }
    return given;
  }

  /** The job of these options and others; a runtime that is none would be taken for no limit. */
  Job build(JobOptions options) {
    Job job = options.build();
    if (runtime != null && job.span().runtime() == null) {
      throw new IllegalArgumentException("runtime=%s: more than 0".formatted(runtime));
    }
    return job;
  }

  private static void put(Map<String, String> given, String key, @Nullable String value) {
    if (value != null) {
      given.put(key, value);
    }
  }
}
