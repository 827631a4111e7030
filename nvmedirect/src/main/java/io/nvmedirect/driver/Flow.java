package io.nvmedirect.driver;

/**
 * The requests of one handle on one queue, for the queue's {@link Scheduler}. Without one, nothing here
 * is used. Belongs to the owner of the queue.
 */
public final class Flow {

  /** Priority: before all others, and not held back by the window. */
  public static final int LATENCY = 0;

  public static final int NORMAL = 1;
  public static final int BATCH = 2;
  static final int PRIORITIES = 3;

  public static final int DEFAULT_WEIGHT = 100;
  public static final int MAX_WEIGHT = 1000;

  int priority = NORMAL;
  int weight = DEFAULT_WEIGHT;

  /** Requests that are not wholly posted. */
  private final RequestList waiting = new RequestList();

  private int waitingRequests;

  /** Commands that the scheduler has posted. */
  int inFlight;

  /** When the next command is due in the virtual time of the priority; comparable by difference. */
  long startTag;

  boolean isWaiting() {
    return waitingRequests > 0;
  }

  int waitingRequests() {
    return waitingRequests;
  }

  /** Whether as much waits and is in flight as one handle may have on a queue. */
  boolean isFull(int depth) {
    return waitingRequests + inFlight >= depth;
  }

  void add(BlockRequest request) {
    waiting.add(request);
    waitingRequests++;
  }

  /** The request that is next; there must be one. */
  BlockRequest first() {
    BlockRequest first = waiting.first();
    if (first == null) {
      throw new IllegalStateException("no request waits");
    }
    return first;
  }

  void removeFirst() {
    waiting.removeFirst();
    waitingRequests--;
  }
}
