package io.nvmedirect.cli.bench;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** A job as options of fio's names: {@link JobOptions} makes the same job of them. */
final class FioOptions {

  private final Map<String, String> options = new LinkedHashMap<>();
  private final Job job;

  private FioOptions(Job job) {
    this.job = job;
  }

  /** The options that are not fio's defaults, and those that people look for. */
  static Map<String, String> of(Job job) {
    FioOptions options = new FioOptions(job);
    options.target();
    options.pattern();
    options.span();
    options.pace();
    options.rest();
    return options.options;
  }

  private void target() {
    Job.Target target = job.target();
    options.put("name", job.name());
    options.put("ioengine", target.engine().toString());
    options.put("filename", filename(target));
    flag("direct", target.direct());
    options.put("rw", job.pattern().workload().toString());
    Map.Entry<String, String> blocks = BlockSizeText.format(job.pattern().blocks());
    options.put(blocks.getKey(), blocks.getValue());
    options.put("iodepth", "" + job.depth());
    options.put("numjobs", "" + job.workers());
  }

  private static String filename(Job.Target target) {
    return target.engine() == Engine.NVMED
        ? target.address()
        : target.address().replace(":", "\\:");
  }

  private void pattern() {
    Job.Pattern pattern = job.pattern();
    if (isMixed()) {
      options.put("rwmixread", "" + pattern.readPercent());
    }
    if (!(pattern.distribution() instanceof Distribution.Uniform)) {
      options.put("random_distribution", DistributionText.format(pattern.distribution()));
    }
    flag("norandommap", pattern.repeats());
    options.put("randseed", "" + pattern.seed());
    number("offset", pattern.offset());
    number("size", pattern.size());
  }

  private void span() {
    Job.Span span = job.span();
    number("io_size", span.bytes());
    time("ramp_time", span.ramp());
    Duration runtime = span.runtime();
    if (runtime != null) {
      time("runtime", runtime);
    }
    flag("time_based", span.timeBased());
  }

  private void pace() {
    Job.Pace pace = job.pace();
    if (pace.iops() > 0) {
      options.put("rate_iops", rate(pace.iops()));
    }
    if (pace.poisson()) {
      options.put("rate_process", "poisson");
    }
    time("thinktime", Duration.ofNanos(pace.thinkNs()));
    if (pace.thinkBlocks() > 1) {
      options.put("thinktime_blocks", "" + pace.thinkBlocks());
    }
  }

  /** For reads and for writes, if there are both. */
  private String rate(double iops) {
    double reads = iops * job.pattern().readPercent() / 100;
    return isMixed()
        ? FioValues.plain(reads) + "," + FioValues.plain(iops - reads)
        : FioValues.plain(iops);
  }

  private void rest() {
    number("fsync", job.fsyncEvery());
    if (job.verification() != Job.Verification.NONE) {
      options.put("verify", "crc32c");
      if (job.verification() == Job.Verification.CRC32C && job.pattern().workload().writes) {
        options.put("do_verify", "0");
      }
    }
    Job.Grouping grouping = job.grouping();
    flag("stonewall", grouping.stonewall());
    flag("new_group", grouping.newGroup());
    flag("group_reporting", grouping.together());
    time("startdelay", grouping.startDelay());
  }

  private boolean isMixed() {
    return job.pattern().workload().reads && job.pattern().workload().writes;
  }

  private void flag(String key, boolean value) {
    if (value) {
      options.put(key, "1");
    }
  }

  private void number(String key, long value) {
    if (value != 0) {
      options.put(key, "" + value);
    }
  }

  private void time(String key, Duration time) {
    long ns = time.toNanos();
    if (ns == 0) {
      return;
    }
    if (ns % 1_000_000_000 == 0) {
      options.put(key, ns / 1_000_000_000 + "s");
    } else if (ns % 1_000_000 == 0) {
      options.put(key, ns / 1_000_000 + "ms");
    } else {
      options.put(key, FioValues.plain(ns / 1e3) + "us");
    }
  }
}
