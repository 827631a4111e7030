package io.nvmedirect;

import java.lang.foreign.Arena;

/**
 * The expensive half of a fence of which the other half costs nothing. One side, often, writes A and
 * reads B, with no safepoint between the two; the other side, rarely, writes B, has this fence, and reads
 * A. Then at least one of them sees what the other wrote, as if both had had a full fence.
 *
 * <p>The JVM makes each thread pass a safepoint, with a fence, when a shared arena is closed, since no
 * thread may be in the midst of an access to its memory then. A thread passes it before its write of A or
 * after its read of B: in the first case it sees B, in the second A is seen here.
 */
final class AsymmetricFence {

  private AsymmetricFence() {}

  /** Returns when every thread of the JVM has had a full fence. */
  @SuppressWarnings("MustBeClosedChecker") // to close it is the point
  static void ofAllThreads() {
    Arena.ofShared().close();
  }
}
