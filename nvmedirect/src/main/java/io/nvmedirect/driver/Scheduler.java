package io.nvmedirect.driver;

import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The order in which the requests of a queue's flows go to the device, command by command, so that a
 * large request of one flow does not block the others.
 *
 * <p>Between priorities the order is strict, but a lower one that waits always has a command in flight.
 * Between the flows of one priority it is start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996): a
 * command costs its bytes divided by the flow's weight, the flow with the least cost so far is next, and
 * one that comes back from idle starts where the others are.
 *
 * <p>A device that takes everything at once makes its own order, so a {@link Window} limits what all
 * priorities but {@link Flow#LATENCY} have in flight. Belongs to the owner of the queue; allocates
 * nothing per command.
 */
final class Scheduler {

  /** What a command costs at least. */
  private static final int MIN_COST_BYTES = 4096;

  /** Of virtual time, so that dividing by a weight loses little. */
  private static final int COST_SHIFT = 10;

  /** A command in flight. */
  private final class Command implements CompletionListener {
    private @Nullable BlockRequest request;
    private @Nullable Flow flow;
    private int priority;
    private int kind;
    private long postedNs;

    @Override
    public void onCompletion(int status, int result) {
      BlockRequest ending = Objects.requireNonNull(request);
      Flow of = Objects.requireNonNull(flow);
      request = null;
      flow = null;
      free[freeCount++] = this;
      of.inFlight--;
      inFlight[priority]--;
      boolean held = priority != Flow.LATENCY;
      if (held) {
        heldReaped++;
      } else {
        window.latencyCommand(nowNs);
      }
      if (status == 0) {
        window.completed(kind, held, postedNs, nowNs);
      } else {
        window.failed(nowNs);
      }
      ending.onCompletion(status, result);
    }
  }

  private final QueuePair pair;
  private final Consumer<BlockRequest> ended;
  private final Window window;

  /** By priority: the flows with waiting requests, the next one first. */
  private final List<PriorityQueue<Flow>> waiting;

  /** By priority: the start tag of the command that was posted last. */
  private final long[] virtualTime = new long[Flow.PRIORITIES];

  private final int[] inFlight = new int[Flow.PRIORITIES];

  /** Requests of the priorities that the window holds back. */
  private int heldWaiting;

  private final Command[] free;
  private int freeCount;

  /** When the completions that are being taken were there. */
  private long nowNs;

  private int heldReaped;

  /**
   * @param ended told of requests that were waiting when their last command failed
   */
  Scheduler(QueuePair pair, Consumer<BlockRequest> ended, long nowNs) {
    this.pair = pair;
    this.ended = ended;
    this.window = new Window(pair.capacity(), nowNs);
    Comparator<Flow> byTag = (a, b) -> Long.compare(a.startTag - b.startTag, 0);
    this.waiting =
        List.of(new PriorityQueue<>(byTag), new PriorityQueue<>(byTag), new PriorityQueue<>(byTag));
    this.free = new Command[pair.capacity()];
    for (int i = 0; i < free.length; i++) {
      free[freeCount++] = new Command();
    }
  }

  /** Whether a request's flow may have one more. */
  boolean hasRoom(BlockRequest request) {
    return !request.flow().isFull(pair.capacity());
  }

  boolean hasWaiting() {
    return heldWaiting > 0 || !waiting.get(Flow.LATENCY).isEmpty();
  }

  /** Adds a request to those of its flow that wait. */
  void add(BlockRequest request) {
    Flow flow = request.flow();
    request.backlogged = true;
    boolean first = !flow.isWaiting();
    flow.add(request);
    heldWaiting += flow.priority == Flow.LATENCY ? 0 : 1;
    if (first) {
      flow.startTag = later(flow.startTag, virtualTime[flow.priority]);
      waiting.get(flow.priority).add(flow);
    }
  }

  private static long later(long a, long b) {
    return a - b > 0 ? a : b;
  }

  private static int held(int priority, Flow flow) {
    return priority == Flow.LATENCY ? 0 : flow.waitingRequests();
  }

  /** Changes priority and weight of a flow. */
  void change(Flow flow, int priority, int weight) {
    flow.weight = weight;
    if (flow.priority == priority) {
      return;
    }
    boolean moved = waiting.get(flow.priority).remove(flow);
    heldWaiting += held(priority, flow) - held(flow.priority, flow);
    flow.priority = priority;
    // Each priority has a virtual time of its own.
    flow.startTag = virtualTime[priority];
    if (moved) {
      waiting.get(priority).add(flow);
    }
  }

  /** Posts what may go now. */
  void dispatch(long timeNs) {
    if (!waiting.get(Flow.LATENCY).isEmpty()) {
      window.latencyCommand(timeNs);
    }
    int size = window.size(timeNs);
    for (Flow flow = next(size); flow != null; flow = next(size)) {
      BlockRequest request = flow.first();
      long cost = 0;
      request.failIfChanged();
      if (request.hasMore()) {
        long bytes = post(flow, request, timeNs);
        if (bytes == QueuePair.FULL) {
          return;
        }
        cost = (Math.max(bytes, MIN_COST_BYTES) << COST_SHIFT) / flow.weight;
      }
      advance(flow, request, cost);
    }
  }

  private @Nullable Flow next(int size) {
    for (int priority = Flow.BATCH; priority > Flow.LATENCY; priority--) {
      if (inFlight[priority] == 0 && !waiting.get(priority).isEmpty()) {
        return waiting.get(priority).peek();
      }
    }
    Flow urgent = waiting.get(Flow.LATENCY).peek();
    if (urgent != null || inFlight[Flow.NORMAL] + inFlight[Flow.BATCH] >= size) {
      return urgent;
    }
    Flow normal = waiting.get(Flow.NORMAL).peek();
    return normal != null ? normal : waiting.get(Flow.BATCH).peek();
  }

  /** Posts the next command of a request: its bytes, or FULL. */
  private long post(Flow flow, BlockRequest request, long timeNs) {
    if (freeCount == 0) {
      return QueuePair.FULL;
    }
    Command command = free[freeCount - 1];
    long bytes = request.postNext(pair, command);
    if (bytes == QueuePair.FULL) {
      // Commands from before there was a scheduler have slots too.
      return QueuePair.FULL;
    }
    freeCount--;
    command.request = request;
    command.flow = flow;
    command.priority = flow.priority;
    command.kind = Window.kind(request.opcode(), bytes);
    command.postedNs = timeNs;
    flow.inFlight++;
    inFlight[flow.priority]++;
    virtualTime[flow.priority] = flow.startTag;
    return bytes;
  }

  /** Puts a flow, which was the next one, back to where its next command has its place. */
  private void advance(Flow flow, BlockRequest request, long cost) {
    PriorityQueue<Flow> queue = waiting.get(flow.priority);
    queue.remove();
    flow.startTag += cost;
    boolean posted = !request.hasMore();
    if (posted) {
      // Also if a command has failed: the others are not posted.
      flow.removeFirst();
      heldWaiting -= flow.priority == Flow.LATENCY ? 0 : 1;
      request.backlogged = false;
    }
    if (flow.isWaiting()) {
      queue.add(flow);
    }
    if (posted && request.inFlight() == 0) {
      ended.accept(request);
    }
  }

  /** Completions are about to be taken. */
  void beforeReap(long timeNs) {
    nowNs = timeNs;
    heldReaped = 0;
  }

  /** Completions were taken. */
  void afterReap() {
    boolean drained = inFlight[Flow.NORMAL] + inFlight[Flow.BATCH] == 0;
    if (heldReaped > 0) {
      window.reaped(heldReaped, drained, heldWaiting, nowNs);
    }
  }

  /** Ends all requests that wait; nothing is in flight. */
  void failWaiting(int status) {
    for (PriorityQueue<Flow> queue : waiting) {
      for (Flow flow = queue.peek(); flow != null; flow = queue.peek()) {
        BlockRequest request = flow.first();
        request.fail(status);
        advance(flow, request, 0);
      }
    }
  }
}
