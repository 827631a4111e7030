package io.nvmedirect.cli.bench;

import java.util.concurrent.locks.LockSupport;

/** The time that a worker goes by. */
interface Clock {

  /** The system's. */
  Clock SYSTEM =
      new Clock() {
        @Override
        public long nowNs() {
          return System.nanoTime();
        }

        @Override
        public void park(long ns) {
          LockSupport.parkNanos(ns);
        }

        @Override
        public void spin() {
          Thread.onSpinWait();
        }
      };

  /** Like {@link System#nanoTime}. */
  long nowNs();

  /** Waits so long, or less. */
  void park(long ns);

  /** Waits as short as can be. */
  void spin();
}
