package io.nvmedirect.driver;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One operation on a range of blocks, split into as many commands as the limits ask for. Reused from
 * operation to operation, so that I/O allocates nothing.
 *
 * <p>Prepared by the thread that submits; from then until it is finished it belongs to whoever owns
 * the {@link IoQueue}.
 */
public final class BlockRequest implements CompletionListener {

  /** Told how a request goes on. */
  public interface Listener {

    /**
     * All commands of the request have ended. Runs on the owner of the queue, under its lock; does not
     * throw.
     *
     * @param status the first error of the commands, 0 for success
     * @return true if the request was prepared anew and is to be posted again
     */
    boolean ended(int status);

    /** The request has finished, for good. Runs outside of the queue's lock. */
    void finished();
  }

  private final Listener listener;

  /** The next request of the list that this one is on: backlog or finished, never both. */
  @Nullable BlockRequest next;

  /** On the backlog: not all of its commands are posted. */
  boolean backlogged;

  private boolean deferred;

  private @Nullable Flow flow;
  private @Nullable IoQueue queue;
  private int opcode;
  private @Nullable Namespace namespace;
  private int nsid;
  private int flags;
  private int blockShift;
  private int maxBlocks;
  private long slba;
  private long blocksLeft;
  private @Nullable DmaBuffer buffer;
  private long bufferOffset;

  /** In place of the buffer: data in several pieces. */
  private @Nullable DmaVector vector;

  private int sglAlignment;
  private int inFlight;
  private int status;

  public BlockRequest(Listener listener) {
    this.listener = listener;
  }

  /** Whether only {@link IoQueue#takeAll} gives the request out: somebody's callback comes with it. */
  public void deferred(boolean deferred) {
    this.deferred = deferred;
  }

  /** Whose request it is, for the queue's scheduler. */
  public void flow(Flow flow) {
    if (this.flow != flow) {
      this.flow = flow;
    }
  }

  Flow flow() {
    return Objects.requireNonNull(flow);
  }

  boolean isDeferred() {
    return deferred;
  }

  /** Lets go of the queue and the memory of an operation that is done. */
  public void forget() {
    queue = null;
    buffer = null;
    vector = null;
  }

  /** Asks whether there is more to do. */
  boolean ended() {
    return !listener.ended(status);
  }

  /**
   * A Read, Write or Compare of the blocks from {@code slba} on.
   *
   * @param flags {@link Sqe#FUA} or 0
   * @param blocks at least 1
   * @param offset of the data in the buffer, a multiple of 4
   */
  public void transfer(
      int opcode,
      Namespace namespace,
      int flags,
      long slba,
      long blocks,
      DmaBuffer buffer,
      long offset) {
    prepare(opcode, namespace, flags, slba, blocks, namespace.maxTransferBlocks(), buffer);
    this.bufferOffset = offset;
  }

  /**
   * Like the method above, with data in several pieces; the commands carry as much of it as their data
   * pointers can describe.
   *
   * @param data the blocks from {@code slba} on: {@link IoQueue#carries} all of it
   */
  public void transfer(int opcode, Namespace namespace, int flags, long slba, DmaVector data) {
    long blocks = data.byteSize() >>> namespace.blockShift();
    prepare(opcode, namespace, flags, slba, blocks, namespace.maxTransferBlocks(), null);
    this.bufferOffset = 0;
    this.vector = data;
    this.sglAlignment = namespace.sglAlignment();
  }

  /** A command on a range without data: Write Zeroes, Verify or Write Uncorrectable. */
  public void range(int opcode, Namespace namespace, int flags, long slba, long blocks) {
    prepare(opcode, namespace, flags, slba, blocks, Namespace.MAX_COMMAND_BLOCKS, null);
  }

  /** A Flush of the namespace. */
  public void flush(Namespace namespace) {
    prepare(Opcode.FLUSH, namespace, 0, 0, 1, 1, null);
  }

  /**
   * A Dataset Management that deallocates the ranges in the buffer.
   *
   * @param ranges 1 to 256
   * @param offset of the first one in the buffer
   */
  public void deallocate(Namespace namespace, int ranges, DmaBuffer buffer, long offset) {
    prepare(Opcode.DATASET_MANAGEMENT, namespace, 0, 0, 1, 1, buffer);
    this.flags = ranges;
    this.bufferOffset = offset;
  }

  private void prepare(
      int opcode,
      Namespace namespace,
      int flags,
      long slba,
      long blocks,
      int maxBlocks,
      @Nullable DmaBuffer buffer) {
    this.opcode = opcode;
    if (this.namespace != namespace) {
      this.namespace = namespace;
    }
    this.nsid = namespace.id();
    this.blockShift = namespace.blockShift();
    this.flags = flags;
    this.slba = slba;
    this.blocksLeft = blocks;
    this.maxBlocks = maxBlocks;
    // Mostly it is the one of the last time, and a store of a reference has a barrier of the GC's.
    if (this.buffer != buffer) {
      this.buffer = buffer;
    }
    if (this.vector != null) {
      this.vector = null;
    }
    this.status = 0;
  }

  void attach(IoQueue queue) {
    if (this.queue != queue) {
      this.queue = queue;
    }
  }

  int inFlight() {
    return inFlight;
  }

  /** Gives up what is not posted yet. */
  void fail(int status) {
    if (this.status == 0) {
      this.status = status;
    }
  }

  /** Throws if another host has changed the namespace: its blocks are not what the request counts in. */
  void checkNamespace() throws NvmeException {
    if (namespace != null) {
      namespace.checkUnchanged();
    }
  }

  /** Gives up what is not posted yet, and what was transferred, if another host has changed the namespace. */
  void failIfChanged() {
    if (namespace != null && namespace.change() != null) {
      fail(Status.INVALID_NAMESPACE);
    }
  }

  /**
   * Posts commands while there are free slots.
   *
   * @return whether nothing is left to post: all is posted, or a command has failed
   */
  boolean post(QueuePair pair) {
    while (hasMore()) {
      if (postNext(pair, this) == QueuePair.FULL) {
        return false;
      }
    }
    return true;
  }

  /** Whether there is a command to post, and none has failed. */
  boolean hasMore() {
    return blocksLeft > 0 && status == 0;
  }

  /**
   * Posts the next command.
   *
   * @return the bytes that it transfers, or {@link QueuePair#FULL}
   */
  long postNext(QueuePair pair, CompletionListener told) {
    long at = pair.claim();
    if (at == QueuePair.FULL) {
      return QueuePair.FULL;
    }
    DmaVector pieces = vector;
    int blocks = (int) Math.min(blocksLeft, maxBlocks);
    if (pieces != null) {
      blocks = blocksThatFit(pair, pieces, blocks);
    }
    long length = encode(pair.entries(), at, blocks);
    if (pieces == null) {
      pair.post(buffer, bufferOffset, length, told);
    } else {
      pair.postVector(pieces, bufferOffset, length, told);
    }
    inFlight++;
    blocksLeft -= blocks;
    slba += blocks;
    bufferOffset += length;
    return pieces == null && buffer == null ? 0 : length;
  }

  private int blocksThatFit(QueuePair pair, DmaVector pieces, int most) {
    long bytes = (long) most << blockShift;
    long fit = pair.fit(pieces, bufferOffset, bytes, 1 << blockShift, sglAlignment);
    return (int) (fit >>> blockShift);
  }

  int opcode() {
    return opcode;
  }

  /** Returns the bytes that the command transfers. */
  private long encode(MemorySegment ring, long at, int blocks) {
    if (opcode == Opcode.DATASET_MANAGEMENT) {
      Sqe.datasetManagement(ring, at, nsid, flags, Sqe.DSM_DEALLOCATE);
      return (long) flags * Sqe.DSM_RANGE_BYTES;
    }
    if (opcode == Opcode.FLUSH) {
      Sqe.flush(ring, at, nsid);
      return 0;
    }
    Sqe.blockCommand(ring, at, opcode, nsid, slba, blocks, flags);
    return (long) blocks << blockShift;
  }

  @Override
  public void onCompletion(int status, int result) {
    inFlight--;
    if (status != 0 && this.status == 0) {
      this.status = status;
    }
    if (inFlight == 0 && !backlogged && queue != null) {
      queue.ended(this);
    }
  }

  /** Tells the listener; called once per operation, by who took the request from its queue. */
  public void deliver() {
    listener.finished();
  }

  /** The next finished request, and takes this one off the list. */
  public @Nullable BlockRequest unlink() {
    BlockRequest following = next;
    next = null;
    return following;
  }
}
