package io.nvmedirect.cli.bench;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The options of a job by fio's names and with fio's defaults, and the job that they make.
 *
 * <p>A later value replaces an earlier one; {@code bs}, {@code bsrange} and {@code bssplit} replace each other,
 * and so do {@code rate} and {@code rate_iops}.
 * Options that have no effect here are in {@link #ignored}; those without which the job would measure something else
 * are errors. Not thread-safe.
 */
public final class JobOptions {

  private static final long FIO_SEED = 0x89;
  private static final int FIO_BLOCK_BYTES = 4096;
  private static final int MOST_THREADS = 2048;
  private static final List<String> BLOCK_KEYS = List.of("bs", "bsrange", "bssplit");
  private static final List<String> RATE_KEYS = List.of("rate", "rate_iops");

  private final Map<String, String> values = new LinkedHashMap<>();
  private final Map<String, String> notes = new LinkedHashMap<>();

  /**
   * Sets an option.
   *
   * @param key a name of fio's, or an alias
   * @param value empty for a boolean that is true
   * @throws IllegalArgumentException if the value is none of the key's, or the job cannot be run with it here;
   *     the message begins with the key
   */
  public void set(String key, String value) {
    String name = FioKeys.canonical(key);
    String text = value.strip();
    String refusal = FioKeys.refusal(name, text);
    if (refusal != null) {
      throw FioValues.bad(key, text, refusal);
    }
    if (!FioKeys.isUsed(name)) {
      note(name, text.isEmpty() ? key : key + "=" + text, FioKeys.whyIgnored(name));
      return;
    }
    JobValues.check(name, text);
    switch (name) {
      case "rwmixwrite" ->
          values.put("rwmixread", "" + (100 - FioValues.count(name, text, 0, 100)));
      case "buffered" -> values.put("direct", FioValues.flag(name, text) ? "0" : "1");
      case "fdatasync" -> values.put("fsync", text);
      case "bs", "bsrange", "bssplit" -> replace(BLOCK_KEYS, name, text);
      case "rate", "rate_iops" -> replace(RATE_KEYS, name, text);
      default -> values.put(name, text);
    }
    noteReplaced(name, text);
  }

  /**
   * What has no effect or another one than with fio, in the order in which it was found, each key once: {@code
   * thread=1}, or with a reason {@code ioengine=libaio: the I/O is nvmed's}.
   */
  public List<String> ignored() {
    return List.copyOf(notes.values());
  }

  /**
   * The job.
   *
   * @throws IllegalArgumentException if options contradict each other or something is missing; the message begins
   *     with a key
   */
  public Job build() {
    return build(extent());
  }

  /** The job. If it is on a file, that has at least so many bytes or is created with them. */
  Job build(long fileBytes) {
    Workload workload = JobValues.workload(value("rw", "read"));
    BlockSizes blocks = blocks(workload);
    Job.Pattern pattern = pattern(workload, blocks);
    return new Job(
        name(),
        new Job.Target(engine(), address(fileBytes), flag("direct", false)),
        pattern,
        depth(),
        count("numjobs", 1),
        span(pattern),
        pace(pattern),
        count("fsync", 0),
        verification(workload, blocks),
        new Job.Grouping(
            isWalled(),
            isWalled() || flag("new_group", false),
            flag("group_reporting", false),
            time("startdelay")));
  }

  /** The file that the job is on; null if it is on something else. */
  @Nullable String file() {
    JobTarget target = target();
    return target == null || target.file() == null
        ? null
        : target.file().toAbsolutePath().normalize().toString();
  }

  /** Where the region of the job ends, in bytes; 0 if it goes on to the end of the device. */
  long extent() {
    long size = regionBytes();
    long end = FioValues.size("offset", value("offset", "0")) + size;
    if (end < 0) {
      throw FioValues.bad("size", value("size", ""), "offset and size are below 8 EiB together");
    }
    return size == 0 ? 0 : end;
  }

  private String name() {
    return value("name", value("rw", "read"));
  }

  private void replace(List<String> others, String key, String text) {
    values.keySet().removeAll(others);
    values.put(key, text);
  }

  private void noteReplaced(String key, String text) {
    notes.remove(key);
    if (key.equals("ioengine") && FioKeys.isReplaced(text)) {
      note(key, key + "=" + text, "the I/O is nvmed's");
    } else if (key.equals("verify") && JobValues.isVerified(text) && !JobValues.isCrc32c(text)) {
      note(key, key + "=" + text, "data is checked by CRC-32C");
    } else if (key.equals("wait_for")) {
      note(key, key + "=" + text, "the job waits for all jobs before it");
    }
  }

  private void note(String key, String what, String why) {
    notes.put(key, why.isEmpty() ? what : what + ": " + why);
  }

  private Engine engine() {
    return JobValues.engine(value("ioengine", "nvmed"));
  }

  /** Null for fio's engine that does nothing, unless an address says what to use. */
  private @Nullable JobTarget target() {
    String filename = values.get("filename");
    JobTarget target = JobTarget.of(engine(), filename, values.get("directory"), name());
    boolean nothing = value("ioengine", "").equals("null");
    return nothing && target.file() != null ? null : target;
  }

  private String address(long fileBytes) {
    JobTarget target = target();
    if (target == null) {
      if (fileBytes == 0) {
        throw FioValues.bad("ioengine", "null", "needs a size, or a filename that is an address");
      }
      note("ioengine", "ioengine=null", "an embedded controller with model=null");
      return "mem:%d?model=null".formatted(JobTarget.wholePages(fileBytes));
    }
    if (value("filename", "").isEmpty() && count("numjobs", 1) > 1) {
      note("filename", "filename", "one file for all workers, " + target.fileName());
    }
    return target.address(fileBytes);
  }

  /** The region's size, 0 for all that follows the offset. */
  private long regionBytes() {
    long size = FioValues.size("size", value("size", "0"));
    return size == 0 ? FioValues.size("filesize", value("filesize", "0")) : size;
  }

  private BlockSizes blocks(Workload workload) {
    for (String key : BLOCK_KEYS) {
      String text = values.get(key);
      if (text != null) {
        BlockSizes[] blocks = JobValues.blocks(key, text);
        if (workload.reads && workload.writes && !blocks[0].equals(blocks[1])) {
          throw FioValues.bad(key, text, "reads and writes of one job have the same sizes here");
        }
        return blocks[workload.reads ? 0 : 1];
      }
    }
    return BlockSizes.of(FIO_BLOCK_BYTES);
  }

  private Job.Pattern pattern(Workload workload, BlockSizes blocks) {
    long size = regionBytes();
    if (size != 0 && size < blocks.most()) {
      String key = values.containsKey("size") ? "size" : "filesize";
      throw FioValues.bad(key, value(key, ""), "a block is larger: " + blocks.most() + " bytes");
    }
    Distribution distribution = DistributionText.parse(value("random_distribution", "random"));
    boolean uniform = distribution instanceof Distribution.Uniform;
    return new Job.Pattern(
        workload,
        readPercent(workload),
        blocks,
        distribution,
        FioValues.size("offset", value("offset", "0")),
        size,
        !uniform || flag("norandommap", false),
        seed());
  }

  /** Reads and writes that each have a rate come in proportion to these, as they do with fio. */
  private int readPercent(Workload workload) {
    int mix = count("rwmixread", 50);
    if (!workload.reads || !workload.writes) {
      return workload.reads ? 100 : 0;
    }
    double[] rates = rates();
    if (rates[0] + rates[1] == 0) {
      return mix;
    }
    int percent = (int) Math.round(100 * rates[0] / (rates[0] + rates[1]));
    if (values.containsKey("rwmixread") && percent != mix) {
      note("rwmixread", "rwmixread=" + mix, "the rates make it " + percent);
    }
    return percent;
  }

  private long seed() {
    String seed = values.get("randseed");
    if (seed != null) {
      return JobValues.seed(seed);
    }
    return flag("randrepeat", true) ? FIO_SEED : new SecureRandom().nextLong(Long.MAX_VALUE);
  }

  private int depth() {
    int depth = count("iodepth", 1);
    if (depth > 1 && FioKeys.isSynchronous(value("ioengine", ""))) {
      note("iodepth", "iodepth=" + depth, "1, for fio's engine is synchronous");
      return 1;
    }
    requireThreads(depth);
    return depth;
  }

  /** Of the engines that have a thread for each I/O in flight; the JVM does not survive without room for one. */
  private void requireThreads(int depth) {
    Engine engine = engine();
    int workers = count("numjobs", 1);
    if (engine.threads && (long) depth * workers > MOST_THREADS) {
      throw FioValues.bad(
          "iodepth",
          "" + depth,
          "ioengine=%s has a thread for each I/O in flight: at most %d, with numjobs=%d"
              .formatted(engine, MOST_THREADS / workers, workers));
    }
  }

  private Job.Span span(Job.Pattern pattern) {
    Duration runtime = time("runtime");
    boolean timeBased = flag("time_based", false);
    if (timeBased && runtime.isZero()) {
      note("time_based", "time_based", "no effect without runtime");
      timeBased = false;
    }
    return new Job.Span(
        time("ramp_time"), runtime.isZero() ? null : runtime, timeBased, bytes(pattern));
  }

  private long bytes(Job.Pattern pattern) {
    long bytes = FioValues.size("io_size", value("io_size", "0"));
    int loops = count("loops", 1);
    if (loops > 1) {
      long once = bytes == 0 ? pattern.size() : bytes;
      if (once == 0) {
        throw FioValues.bad("loops", "" + loops, "needs a size");
      }
      bytes = once > Long.MAX_VALUE / loops ? Long.MAX_VALUE : once * loops;
    }
    int number = count("number_ios", 0);
    if (number == 0) {
      return bytes;
    }
    if (pattern.blocks().bytes().size() > 1) {
      throw FioValues.bad("number_ios", "" + number, "needs blocks of one size; give io_size");
    }
    long most = bytes == 0 ? pattern.size() : bytes;
    long counted = (long) number * pattern.blocks().most();
    return most == 0 ? counted : Math.min(most, counted);
  }

  /** The rates of reads and writes, in whichever key they are; 0 for none. */
  private double[] rates() {
    String key = values.containsKey("rate") ? "rate" : "rate_iops";
    return JobValues.rates(key, value(key, "0"));
  }

  private Job.Pace pace(Job.Pattern pattern) {
    Workload workload = pattern.workload();
    String key = values.containsKey("rate") ? "rate" : "rate_iops";
    double[] rates = rates();
    if (workload.reads && workload.writes && (rates[0] == 0) != (rates[1] == 0)) {
      throw FioValues.bad(
          key, value(key, ""), "reads and writes are both limited, or none of them");
    }
    double rate = (workload.reads ? rates[0] : 0) + (workload.writes ? rates[1] : 0);
    if (key.equals("rate") && rate > 0) {
      rate /= bytesOfEach(pattern.blocks());
    }
    return new Job.Pace(
        rate,
        JobValues.isPoisson(value("rate_process", "linear")),
        FioValues.time("thinktime", value("thinktime", "0"), "us").toNanos(),
        count("thinktime_blocks", 1),
        0);
  }

  private int bytesOfEach(BlockSizes blocks) {
    String rate = value("rate", "");
    if (blocks.bytes().size() > 1) {
      throw FioValues.bad("rate", rate, "needs blocks of one size; give rate_iops");
    }
    return blocks.most();
  }

  private Job.Verification verification(Workload workload, BlockSizes blocks) {
    String verify = value("verify", "0");
    if (!JobValues.isVerified(verify)) {
      return Job.Verification.NONE;
    }
    int least = blocks.least();
    if (least < CheckedBlocks.HEADER_BYTES
        || blocks.bytes().stream().anyMatch(bytes -> bytes % least != 0)) {
      throw FioValues.bad(
          "verify",
          verify,
          "needs blocks of %d bytes or more that are multiples of the smallest one: %s"
              .formatted(CheckedBlocks.HEADER_BYTES, blocks.bytes()));
    }
    return workload.writes && flag("do_verify", true)
        ? Job.Verification.CRC32C_AFTER_WRITES
        : Job.Verification.CRC32C;
  }

  private boolean isWalled() {
    return flag("stonewall", false) || values.containsKey("wait_for");
  }

  private String value(String key, String otherwise) {
    return values.getOrDefault(key, otherwise);
  }

  private boolean flag(String key, boolean otherwise) {
    return FioValues.flag(key, value(key, otherwise ? "1" : "0"));
  }

  private int count(String key, int otherwise) {
    return FioValues.count(key, value(key, "" + otherwise), 0, Integer.MAX_VALUE);
  }

  private Duration time(String key) {
    return FioValues.time(key, value(key, "0"), "s");
  }
}
