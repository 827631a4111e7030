package io.nvmedirect.cli.bench;

import java.util.Locale;

/** What does the I/O of a job. */
public enum Engine {
  /** This framework: any of its addresses. Each worker has a confined queue and polls. */
  NVMED(true, false),
  /** {@code FileChannel}: a thread for each I/O in flight. */
  FILECHANNEL(false, true),
  /** {@code AsynchronousFileChannel}: the JDK's thread pool, and callbacks on it. */
  ASYNCFILECHANNEL(true, true),
  /** A mapped file: copies to and from it, a thread for each I/O in flight. */
  MMAP(false, true),
  /** io_uring by the library jasyncfio: its thread, and futures. */
  IOURING(true, false);

  /** Whether one worker can have several I/Os in flight; if not, an iodepth of n is n workers. */
  public final boolean asynchronous;

  /** Whether each I/O in flight has a thread. */
  public final boolean threads;

  Engine(boolean asynchronous, boolean threads) {
    this.asynchronous = asynchronous;
    this.threads = threads;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
