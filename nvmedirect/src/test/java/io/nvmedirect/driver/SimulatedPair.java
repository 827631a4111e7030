package io.nvmedirect.driver;

import io.nvmedirect.emulator.FlashTimes;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.transport.AdminCommands;
import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/** A queue pair of a flash device in virtual time: nothing happens but in its methods. */
final class SimulatedPair implements QueuePair {

  /** A command that is posted, and once it is shown to the device, when it completes. */
  private record Posted(
      int opcode, long slba, long lengthBytes, CompletionListener listener, long dueNs) {}

  private final FlashTimes flash = new FlashTimes();
  private final MemorySegment entry = MemorySegment.ofArray(new long[Sqe.BYTES / Long.BYTES]);
  private final List<Posted> posted = new ArrayList<>();
  private final PriorityQueue<Posted> inFlight =
      new PriorityQueue<>((a, b) -> Long.compare(a.dueNs, b.dueNs));
  private final int capacity;
  private final double fetchNsPerByte;
  private final long fetchNs;
  private long deviceFreeNs;

  /** Virtual time. */
  long nowNs;

  /** First blocks of the commands, in the order in which the device saw them. */
  final List<Long> order = new ArrayList<>();

  /**
   * @param fetchNs the device's controller takes a command in this time, and then the next one
   * @param fetchNsPerByte and this for each byte of its data
   */
  SimulatedPair(int capacity, long fetchNs, double fetchNsPerByte) {
    this.capacity = capacity;
    this.fetchNs = fetchNs;
    this.fetchNsPerByte = fetchNsPerByte;
  }

  @Override
  public int id() {
    return 1;
  }

  @Override
  public int capacity() {
    return capacity;
  }

  @Override
  public int inFlight() {
    return posted.size() + inFlight.size();
  }

  @Override
  public MemorySegment entries() {
    return entry;
  }

  @Override
  public long claim() {
    return inFlight() == capacity ? FULL : 0;
  }

  @Override
  public long fit(DmaVector data, long offset, long mostBytes, int blockBytes, int sglAlignment) {
    return mostBytes;
  }

  @Override
  public void postVector(
      DmaVector data, long offset, long lengthBytes, CompletionListener listener) {
    post(null, offset, lengthBytes, listener);
  }

  @Override
  public void post(
      @Nullable DmaBuffer data, long offset, long lengthBytes, CompletionListener listener) {
    long slba =
        Integer.toUnsignedLong(Sqe.cdw10(entry, 0)) | (long) Sqe.cdw11(entry, 0) << Integer.SIZE;
    posted.add(new Posted(Sqe.opcode(entry, 0), slba, lengthBytes, listener, 0));
  }

  @Override
  public void ring() {
    for (Posted command : posted) {
      long fetched = Math.max(deviceFreeNs, nowNs) + fetchNs;
      deviceFreeNs = fetched + (long) (command.lengthBytes * fetchNsPerByte);
      long due = flash.dueNs(command.opcode, command.slba << 9, command.lengthBytes, fetched);
      order.add(command.slba);
      inFlight.add(
          new Posted(
              command.opcode,
              command.slba,
              command.lengthBytes,
              command.listener,
              Math.max(due, deviceFreeNs)));
    }
    posted.clear();
  }

  /** Moves time on to the next completion. */
  void skipToNext() {
    Posted next = inFlight.peek();
    if (next != null) {
      nowNs = Math.max(nowNs, next.dueNs);
    }
  }

  @Override
  public int reap(int max) {
    int taken = 0;
    for (Posted next = inFlight.peek();
        next != null && next.dueNs <= nowNs && taken < max;
        next = inFlight.peek()) {
      inFlight.remove(next);
      next.listener.onCompletion(0, 0);
      taken++;
    }
    return taken;
  }

  @Override
  public boolean hasCompletion() {
    return false;
  }

  @Override
  public int expiredCommand(long atNs, long timeoutNs) {
    return NONE;
  }

  @Override
  public boolean markExpired(int commandId) {
    return false;
  }

  @Override
  public void failAll(int status) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean hasInterrupt() {
    return false;
  }

  @Override
  public boolean awaitInterrupt(long timeoutNs) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void wake() {}

  @Override
  public void create(AdminCommands admin) {}

  @Override
  public void delete(AdminCommands admin) {}

  @Override
  public void close() {}
}
