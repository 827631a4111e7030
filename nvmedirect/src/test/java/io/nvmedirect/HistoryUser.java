package io.nvmedirect;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One of several threads that access the same few blocks in every way that there is, and write down what
 * they saw. The place of a history is half a block, for a buffered write may have half of one; what is
 * written to it is one stamp, again and again, which nobody else writes.
 */
final class HistoryUser implements AutoCloseable {

  /** An access to several places at once. */
  record Seen(
      long begin, long end, boolean write, int firstPlace, List<Long> values, String what) {}

  /** An asynchronous operation under way. */
  private record Pending(
      AsyncIo io, boolean write, long begin, int firstPlace, MemorySegment memory, String what) {}

  private static final int MOST_BLOCKS = 3;
  private static final int SLOTS = 16;

  private final NvmeDevice device;
  private final NvmeQueue queue;
  private final AtomicLong clock;
  private final Random random;
  private final int user;
  private final int blocks;
  private final int block;
  private final int half;
  private final boolean polls;
  private final NvmeHandle direct;
  private final NvmeHandle behind;
  private final NvmeHandle buffered;
  private final NvmeHandle through;

  /** Memory of this user's, one slot an operation, so that none is used while a write is on its way. */
  private final DmaBuffer buffer;

  private final int slotBytes;
  private int slot;
  private long stamps;
  private final List<Pending> pending = new ArrayList<>();
  private final List<Seen> seen = new ArrayList<>();

  HistoryUser(
      NvmeDevice device,
      NvmeQueue queue,
      AtomicLong clock,
      long seed,
      int user,
      int blocks,
      HandleOption... waiting)
      throws IOException {
    this.device = device;
    this.queue = queue;
    this.clock = clock;
    this.random = new Random(seed * 31 + user);
    this.user = user;
    this.blocks = blocks;
    this.block = device.blockBytes();
    this.half = block / 2;
    this.polls = queue.options().contains(QueueOption.MANUAL_COMPLETION);
    this.slotBytes = Math.max(4096, MOST_BLOCKS * block);
    this.direct = queue.createHandle(waiting);
    this.behind = queue.createHandle(waiting);
    behind.set(HandleOption.WRITE_BEHIND, true);
    this.buffered = queue.createHandle(waiting);
    buffered.set(HandleOption.BUFFERED, true);
    this.through = queue.createHandle(waiting);
    through.set(HandleOption.BUFFERED, true);
    through.set(HandleOption.WRITE_THROUGH, true);
    this.buffer = device.allocate((long) SLOTS * slotBytes);
  }

  /** Some accesses; all have ended when this returns. Returns what was seen. */
  List<Seen> round(int accesses) throws IOException {
    seen.clear();
    for (int i = 0; i < accesses; i++) {
      access();
    }
    settle();
    return List.copyOf(seen);
  }

  private void access() throws IOException {
    int count = 1 + random.nextInt(Math.min(MOST_BLOCKS, blocks));
    int first = random.nextInt(blocks - count + 1);
    switch (random.nextInt(17)) {
      case 0 -> read(direct, first, count, false);
      case 1 -> read(direct, first, count, true);
      case 2, 3, 4 -> read(buffered, first, count, false);
      case 5 -> read(buffered, first, count, true);
      case 6 -> write(direct, first, count, false);
      case 7 -> write(direct, first, count, true);
      case 8 -> write(behind, first, count, random.nextBoolean());
      case 9 -> write(buffered, first, count, random.nextBoolean());
      case 10 -> writeHalf(buffered, first);
      case 11 -> writeHalf(through, first);
      case 12 -> write(through, first, count, random.nextBoolean());
      case 13 -> asyncRead(first, count);
      case 14 -> asyncWrite(first, count);
      case 15 -> clear(first, count);
      default -> flush(random.nextBoolean() ? buffered : behind);
    }
  }

  private long now() {
    return clock.incrementAndGet();
  }

  /** Memory for the next operation, sometimes on the heap. */
  private MemorySegment memory(long lengthBytes) throws IOException {
    if (random.nextInt(3) == 0) {
      return MemorySegment.ofArray(new byte[(int) lengthBytes]);
    }
    if (slot == SLOTS) {
      behind.flush();
      settle();
      slot = 0;
    }
    return buffer.segment().asSlice((long) slot++ * slotBytes, lengthBytes);
  }

  /** Cut where no block ends: pieces of a multiple of 8 bytes. */
  private MemorySegment[] pieces(MemorySegment memory) {
    long size = memory.byteSize();
    long first = 8 + random.nextInt((int) (size / 8) - 1) * 8L;
    return new MemorySegment[] {memory.asSlice(0, first), memory.asSlice(first)};
  }

  private void stamp(MemorySegment memory) {
    for (long place = 0; place < memory.byteSize(); place += half) {
      long stamp = (long) (user + 1) << 32 | ++stamps;
      for (long at = place; at < place + half; at += 8) {
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at, stamp);
      }
    }
  }

  private List<Long> stamps(MemorySegment memory, String what) {
    List<Long> values = new ArrayList<>();
    for (long place = 0; place < memory.byteSize(); place += half) {
      long stamp = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, place);
      for (long at = place; at < place + half; at += 8) {
        long word = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
        if (word != stamp) {
          throw new AssertionError(
              "%s of %s saw half a block of two writes: %x and %x"
                  .formatted(what, device.address(), stamp, word));
        }
      }
      values.add(stamp);
    }
    return values;
  }

  private void saw(long begin, boolean write, int firstPlace, MemorySegment memory, String what) {
    saw(begin, write, firstPlace, stamps(memory, what), what);
  }

  private void saw(long begin, boolean write, int firstPlace, List<Long> values, String what) {
    seen.add(new Seen(begin, now(), write, firstPlace, values, "user " + user + " " + what));
  }

  private void read(NvmeHandle handle, int first, int count, boolean vectored) throws IOException {
    boolean part = handle.equals(buffered) && random.nextInt(3) == 0;
    int places = part ? 1 : 2 * count;
    int firstPlace = 2 * first + (part ? random.nextInt(2) : 0);
    MemorySegment memory = memory((long) places * half);
    memory.fill((byte) 0xEE);
    long begin = now();
    if (vectored) {
      handle.read(pieces(memory), (long) firstPlace * half);
    } else {
      handle.read(memory, (long) firstPlace * half);
    }
    saw(begin, false, firstPlace, memory, name(handle, vectored));
  }

  private void write(NvmeHandle handle, int first, int count, boolean vectored) throws IOException {
    MemorySegment memory = memory((long) count * block);
    stamp(memory);
    long begin = now();
    if (vectored) {
      handle.write(pieces(memory), (long) first * block);
    } else {
      handle.write(memory, (long) first * block);
    }
    saw(begin, true, 2 * first, memory, name(handle, vectored));
  }

  private void writeHalf(NvmeHandle handle, int first) throws IOException {
    int place = 2 * first + random.nextInt(2);
    MemorySegment memory = memory(half);
    stamp(memory);
    long begin = now();
    handle.write(memory, (long) place * half);
    saw(begin, true, place, memory, name(handle, false) + " half");
  }

  private void asyncRead(int first, int count) throws IOException {
    MemorySegment memory = memory((long) count * block);
    AsyncIo io = new AsyncIo();
    boolean vectored = random.nextBoolean();
    long begin = now();
    if (vectored) {
      direct.enqueueRead(io, pieces(memory), (long) first * block);
    } else {
      direct.enqueueRead(io, memory, (long) first * block);
    }
    pending.add(new Pending(io, false, begin, 2 * first, memory, "asynchronous"));
    rest();
  }

  private void asyncWrite(int first, int count) throws IOException {
    MemorySegment memory = memory((long) count * block);
    stamp(memory);
    AsyncIo io = new AsyncIo();
    long begin = now();
    if (random.nextBoolean()) {
      direct.enqueueWrite(io, pieces(memory), (long) first * block);
    } else {
      direct.enqueueWrite(io, memory, (long) first * block);
    }
    pending.add(new Pending(io, true, begin, 2 * first, memory, "asynchronous"));
    rest();
  }

  /** Mostly shows it to the device, and sometimes waits for it. */
  private void rest() throws IOException {
    if (random.nextInt(4) != 0) {
      queue.ring();
    }
    if (random.nextInt(3) == 0) {
      settle();
    }
  }

  private void clear(int first, int count) throws IOException {
    boolean discard = random.nextBoolean();
    long begin = now();
    if (discard) {
      direct.discard((long) first * block, (long) count * block);
    } else {
      direct.writeZeroes((long) first * block, (long) count * block);
    }
    saw(begin, true, 2 * first, Collections.nCopies(2 * count, 0L), discard ? "discard" : "zeroes");
  }

  private void flush(NvmeHandle handle) throws IOException {
    handle.flush();
  }

  /** Waits for the asynchronous operations. */
  @SuppressWarnings("ThreadPriorityCheck") // others complete them
  private void settle() throws IOException {
    if (!pending.isEmpty()) {
      queue.ring();
    }
    for (Pending operation : pending) {
      while (!operation.io.isDone()) {
        if (polls) {
          queue.poll();
        }
        Thread.yield();
      }
      operation.io.throwIfFailed();
      saw(operation.begin, operation.write, operation.firstPlace, operation.memory, operation.what);
    }
    pending.clear();
  }

  private String name(NvmeHandle handle, boolean vectored) {
    return handle.options() + (vectored ? " vectored" : "");
  }

  @Override
  public void close() throws IOException {
    behind.flush();
    direct.close();
    behind.close();
    buffered.close();
    through.close();
    buffer.close();
  }
}
