package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.format.Sizes;
import java.util.Set;

/** The values of single options of a job. Errors are as {@link FioValues} has them. */
final class JobValues {

  private static final int MOST_DEPTH = 65_536;
  private static final int MOST_WORKERS = 1024;

  private static final Set<String> OTHER_CHECKSUMS =
      Set.of(
          "md5",
          "crc64",
          "crc32",
          "crc16",
          "crc7",
          "sha1",
          "sha256",
          "sha512",
          "sha3-224",
          "sha3-256",
          "sha3-384",
          "sha3-512",
          "xxhash");

  private JobValues() {}

  /** Checks a value without regard to other options. */
  static void check(String key, String value) {
    switch (key) {
      case "rw" -> workload(value);
      case "bs", "bsrange", "bssplit" -> blocks(key, value);
      case "iodepth" -> FioValues.count(key, value, 1, MOST_DEPTH);
      case "numjobs" -> FioValues.count(key, value, 1, MOST_WORKERS);
      case "loops", "thinktime_blocks" -> FioValues.count(key, value, 1, Integer.MAX_VALUE);
      case "fsync", "fdatasync", "number_ios" -> FioValues.count(key, value, 0, Integer.MAX_VALUE);
      case "size", "filesize", "io_size", "offset" -> FioValues.size(key, value);
      case "runtime", "ramp_time", "startdelay" -> FioValues.time(key, value, "s");
      case "thinktime" -> FioValues.time(key, value, "us");
      case "rwmixread", "rwmixwrite" -> FioValues.count(key, value, 0, 100);
      case "random_distribution" -> DistributionText.parse(value);
      case "rate", "rate_iops" -> rates(key, value);
      case "rate_process" -> isPoisson(value);
      case "randseed" -> seed(value);
      case "verify" -> isVerified(value);
      case "ioengine" -> engine(value);
      case "direct", "buffered", "time_based", "norandommap", "randrepeat", "do_verify" ->
          FioValues.flag(key, value);
      case "group_reporting", "new_group", "stonewall" -> FioValues.flag(key, value);
      default -> {}
    }
  }

  static Workload workload(String value) {
    return switch (value) {
      case "read" -> Workload.READ;
      case "write" -> Workload.WRITE;
      case "rw", "readwrite" -> Workload.RW;
      case "randread" -> Workload.RANDREAD;
      case "randwrite" -> Workload.RANDWRITE;
      case "randrw" -> Workload.RANDRW;
      default ->
          throw FioValues.bad(
              "rw",
              value,
              "read, write, rw, randread, randwrite or randrw; no trims, and no offsets behind a colon");
    };
  }

  static Engine engine(String value) {
    Engine engine = FioKeys.engine(value);
    if (engine == null) {
      throw FioValues.bad(
          "ioengine",
          value,
          "nvmed, filechannel, asyncfilechannel, mmap or iouring; fio's libaio, io_uring, sync, psync and the like"
              + " stand for nvmed, null for a controller that moves no data");
    }
    return engine;
  }

  /** The sizes of reads and of writes; a size that is left out is fio's default. */
  static BlockSizes[] blocks(String key, String value) {
    String[] directions = FioValues.directions(value);
    BlockSizes[] blocks = new BlockSizes[2];
    for (int i = 0; i < 2; i++) {
      boolean missing = directions[i].isEmpty() && value.contains(",");
      blocks[i] = missing ? BlockSizes.of(4096) : BlockSizeText.parse(key, directions[i]);
    }
    return blocks;
  }

  /** The rates of reads and of writes, per second; 0 for no limit. */
  static double[] rates(String key, String value) {
    String[] directions = FioValues.directions(value);
    double[] rates = new double[2];
    for (int i = 0; i < 2; i++) {
      if (FioValues.isNumber(directions[i])) {
        rates[i] = Double.parseDouble(directions[i]);
      } else if (!directions[i].isEmpty() || !value.contains(",")) {
        rates[i] = rate(key, value, directions[i]);
      }
    }
    return rates;
  }

  private static double rate(String key, String value, String part) {
    try {
      return Sizes.parse(part);
    } catch (IllegalArgumentException e) {
      throw (IllegalArgumentException)
          FioValues.bad(
                  key,
                  value,
                  "a number for each second, or one for reads and one for writes: 1000,500")
              .initCause(e);
    }
  }

  static boolean isPoisson(String value) {
    return switch (value) {
      case "linear" -> false;
      case "poisson" -> true;
      default -> throw FioValues.bad("rate_process", value, "linear or poisson");
    };
  }

  static long seed(String value) {
    try {
      return Long.decode(value);
    } catch (NumberFormatException e) {
      throw (IllegalArgumentException)
          FioValues.bad("randseed", value, "a whole number below 2^63").initCause(e);
    }
  }

  /** Whether data is to be checked, by whatever checksum. */
  static boolean isVerified(String value) {
    if (value.equals("0") || value.equals("none")) {
      return false;
    }
    if (isCrc32c(value) || OTHER_CHECKSUMS.contains(value)) {
      return true;
    }
    throw FioValues.bad("verify", value, "crc32c, or 0 for none");
  }

  static boolean isCrc32c(String value) {
    return value.equals("crc32c") || value.equals("crc32c-intel");
  }
}
