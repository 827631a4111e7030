package io.nvmedirect.vmtest.runner;

import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.concurrent.TimeUnit;

/** Prints what all threads do, some seconds before the host ends the machine. */
final class LastWords {

  private static final int EARLIER_SECONDS = 15;

  private LastWords() {}

  /** Starts the clock, at the time of the JVM's start. */
  static void sayBefore(int limitSeconds, PrintStream out) {
    long seconds = Math.max(1, limitSeconds - EARLIER_SECONDS - bootSeconds());
    Thread.ofPlatform()
        .daemon()
        .name("last-words")
        .start(() -> {
          try {
            TimeUnit.SECONDS.sleep(seconds);
          } catch (InterruptedException e) {
            return;
          }
          out.println("The time limit is near. All threads:");
          for (ThreadInfo thread : ManagementFactory.getThreadMXBean().dumpAllThreads(true, true)) {
            out.print(thread);
          }
        });
  }

  /** What has gone before this program: a time since boot, for the host counts from there. */
  private static long bootSeconds() {
    return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime());
  }
}
