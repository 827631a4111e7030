package io.nvmedirect.transport;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaVector;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A submission queue and its completion queue. One thread at a time owns a queue pair: nothing here
 * is synchronized, but for {@link #awaitInterrupt}, which one thread at a time may call whoever owns
 * the queue pair, and {@link #wake}, which any thread may call.
 *
 * <p>A command is submitted in three steps, so that a batch costs one doorbell: {@link #claim} an
 * entry and encode the command there, {@link #post} it with its buffer, {@link #ring} once.
 */
public interface QueuePair {

  /** What {@link #claim} returns when every slot is in flight. */
  long FULL = -1;

  /** What {@link #expiredCommand} returns when none is. */
  int NONE = -1;

  /** Queue identifier; 0 is the admin queue. */
  int id();

  /** Most commands in flight. */
  int capacity();

  /** Commands posted and not yet reaped. */
  int inFlight();

  /** The memory that commands are encoded into. */
  MemorySegment entries();

  /**
   * The entry for the next command.
   *
   * @return its byte offset in {@link #entries}, or {@link #FULL}
   */
  long claim();

  /**
   * Posts the command in the claimed entry, giving it its identifier and data pointer. The device
   * sees it after the next {@link #ring}.
   *
   * @param data the data buffer, or null for a command without data; the caller keeps it alive
   * @param offset of the data in the buffer, a multiple of 4
   * @param lengthBytes of the data
   */
  void post(@Nullable DmaBuffer data, long offset, long lengthBytes, CompletionListener listener);

  /**
   * How much of a vector one command can transfer, for {@link #postVector}. Whether a certain block can be transferred does not depend on where the
   * command begins. Any thread may call it.
   *
   * @param offset where the data of the command begins in the vector, a multiple of {@code blockBytes}
   * @param mostBytes a multiple of {@code blockBytes}, at most what the vector has from {@code offset}
   * @param sglAlignment what the controller asks of the data blocks of an SGL: 1 or 4 bytes; 0 if it
   *     takes none
   * @return bytes, a multiple of {@code blockBytes}; 0 if not even one block can, and has to be copied
   */
  long fit(DmaVector data, long offset, long mostBytes, int blockBytes, int sglAlignment);

  /**
   * Posts the command in the claimed entry like {@link #post}, with data in several pieces: as many
   * bytes as {@link #fit} allows at the most.
   */
  void postVector(DmaVector data, long offset, long lengthBytes, CompletionListener listener);

  /** Shows the posted commands to the device. */
  void ring();

  /**
   * Takes completions and tells their listeners, until there are no more or {@code max} were taken.
   *
   * @return how many were taken
   */
  int reap(int max);

  /**
   * Whether {@link #reap} would take something. Any thread may ask: while another one reaps, the answer
   * may be wrong.
   */
  boolean hasCompletion();

  /**
   * Looks for a command that has been in flight for longer than {@code timeoutNs}. The time of a
   * command begins with the first look that sees it, so that submitting needs no clock, and anew when
   * it is returned.
   *
   * @return its identifier, or {@link #NONE}
   */
  int expiredCommand(long nowNs, long timeoutNs);

  /** Remembers that a command has expired, and says whether it had before. */
  boolean markExpired(int commandId);

  /**
   * Ends every command in flight with {@code status}. Only when the device has forgotten the queue, or
   * is given up.
   */
  void failAll(int status);

  /** Whether the queue was made with an interrupt vector. */
  boolean hasInterrupt();

  /**
   * Blocks until the device signals this queue's vector, {@link #wake} is called, or the time is over.
   * What has happened since the last call counts, whoever else waits on the same vector.
   *
   * @return false if the time is over
   * @throws InterruptedException if the thread is interrupted and the wait can notice; one in the
   *     kernel does not, goes on, and leaves the thread interrupted
   */
  boolean awaitInterrupt(long timeoutNs) throws InterruptedException;

  /**
   * Ends the {@link #awaitInterrupt} of another thread, or the next one. Has no effect on a queue
   * without an interrupt vector or one that is closed.
   */
  void wake();

  /** Makes the queues known to the controller; nothing is in flight. Also after a reset. */
  void create(AdminCommands admin) throws IOException;

  /** Makes the controller forget the queues. */
  void delete(AdminCommands admin) throws IOException;

  /**
   * Frees the memory, and lets go of the interrupt vector. Only when the controller does not use the
   * memory any more, and no thread is in {@link #awaitInterrupt}.
   */
  void close();
}
