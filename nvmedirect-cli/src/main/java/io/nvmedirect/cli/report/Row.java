package io.nvmedirect.cli.report;

import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One direction of one job: what was asked for and what came of it.
 *
 * @param job number of the job in its file, from 0 on
 * @param workload fio's {@code rw}, such as {@code randread}
 * @param blocks block size as in an option, such as {@code 4k}
 * @param jobs equal workers (fio's {@code numjobs})
 * @param direction {@code read}, {@code write} or {@code trim}
 * @param latency from post to completion; null if it was not measured
 * @param due from when each I/O was due; null if it is the same or was not measured
 * @param series null if there is none
 * @param cpuNsPerIo CPU of the process; null if it was not measured
 * @param bytesPerIo allocated on the Java heap; null if it was not measured
 */
record Row(
    int job,
    String name,
    String workload,
    String blocks,
    int depth,
    int jobs,
    String direction,
    long operations,
    double iops,
    double bytesPerSecond,
    @Nullable Latency latency,
    @Nullable Latency due,
    @Nullable Series series,
    @Nullable Double cpuNsPerIo,
    @Nullable Double bytesPerIo) {

  /** I/Os per second in intervals of equal length. */
  record Series(long intervalMs, List<Double> iops) {

    /** The same with at most so many intervals, each the mean of several. */
    Series thin(int most) {
      int each = Math.ceilDiv(iops.size(), most);
      if (each <= 1) {
        return this;
      }
      List<Double> means =
          IntStream.range(0, iops.size() / each)
              .mapToObj(i -> iops.subList(i * each, (i + 1) * each))
              .map(part -> part.stream().mapToDouble(Double::doubleValue).sum() / each)
              .toList();
      return new Series(intervalMs * each, means);
    }
  }
}
