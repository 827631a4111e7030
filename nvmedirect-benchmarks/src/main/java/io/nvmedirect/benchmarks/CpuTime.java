package io.nvmedirect.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Processor time, in nanoseconds. */
final class CpuTime {

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private CpuTime() {}

  /** Of the calling thread. */
  static long ofThreadNs() {
    return THREADS.getCurrentThreadCpuTime();
  }

  /** Of all threads of the process. */
  static long ofProcessNs() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos();
  }
}
