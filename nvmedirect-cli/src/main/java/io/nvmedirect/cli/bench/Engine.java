package io.nvmedirect.cli.bench;

import java.util.Locale;

/** What does the I/O of a job. */
public enum Engine {
  /** This framework: any of its addresses. Each worker has a confined queue and polls. */
  NVMED(true),
  /** {@code FileChannel}: a thread for each I/O in flight. */
  FILECHANNEL(false),
  /** {@code AsynchronousFileChannel}: the JDK's thread pool, and callbacks on it. */
  ASYNCFILECHANNEL(true),
  /** A mapped file: copies to and from it, a thread for each I/O in flight. */
  MMAP(false),
  /** io_uring by the library jasyncfio: its thread, and futures. */
  IOURING(true);

  /** Whether one worker can have several I/Os in flight; if not, an iodepth of n is n workers. */
  public final boolean asynchronous;

  Engine(boolean asynchronous) {
    this.asynchronous = asynchronous;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
