package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * One thread that does random operations on a range of a device, through several handles and queues,
 * and knows what each byte of its range must be. The queues may be shared with others.
 */
final class RandomUser implements AutoCloseable {

  private static final HandleOption[] SWITCHED = {
    HandleOption.BUFFERED,
    HandleOption.WRITE_THROUGH,
    HandleOption.WRITE_BEHIND,
    HandleOption.FORCE_UNIT_ACCESS
  };
  private static final int MAX_LENGTH = 40_000;

  /** An asynchronous operation under way; {@code expected} is what a read must bring. */
  private record Pending(
      AsyncIo io,
      boolean write,
      int from,
      int length,
      MemorySegment memory,
      MemorySegment expected) {

    boolean touches(int otherFrom, int otherLength) {
      return from < otherFrom + otherLength && otherFrom < from + length;
    }
  }

  private final NvmeDevice device;
  private final long seed;
  private final Random random;
  private final long base;
  private final int block;
  private final byte[] model;
  private final List<NvmeQueue> queues;
  private final List<NvmeHandle> handles = new ArrayList<>();
  private final List<Pending> pending = new ArrayList<>();
  private int step;

  RandomUser(NvmeDevice device, List<NvmeQueue> queues, long seed, long from, long to)
      throws IOException {
    this.device = device;
    this.queues = queues;
    this.seed = seed;
    this.random = new Random(seed);
    this.base = from;
    this.block = device.blockBytes();
    this.model = new byte[(int) (to - from)];
    NvmeQueue first = queues.getFirst();
    NvmeQueue second = queues.get(1 % queues.size());
    NvmeQueue last = queues.getLast();
    handles.add(first.createHandle(HandleOption.BUFFERED));
    handles.add(first.createHandle());
    handles.add(second.createHandle(HandleOption.WRITE_BEHIND));
    handles.add(second.createHandle(HandleOption.BUFFERED, HandleOption.WRITE_THROUGH));
    handles.add(
        last.options().contains(QueueOption.INTERRUPT)
            ? last.createHandle(HandleOption.INTERRUPT)
            : last.createHandle());
    handles.add(
        device.createHandle(
            queues,
            (handle, opcode, position, length) ->
                queues.get(Math.floorMod(position / block + opcode, queues.size()))));
  }

  /** Fills its range, does operations, then reads everything in every way. */
  void run(int operations) throws IOException {
    random.nextBytes(model);
    handles.getFirst().write(MemorySegment.ofArray(model.clone()), base);
    for (step = 0; step < operations; step++) {
      operate(handles.get(random.nextInt(handles.size())));
    }
    settle(0, model.length);
    for (NvmeHandle handle : handles) {
      handle.flush();
      MemorySegment all = MemorySegment.ofArray(new byte[model.length]);
      handle.read(all, base);
      check("everything", 0, all);
    }
  }

  private void operate(NvmeHandle handle) throws IOException {
    switch (random.nextInt(100)) {
      case 0, 1 -> handle.flush();
      case 2, 3 -> handle.set(SWITCHED[random.nextInt(SWITCHED.length)], random.nextBoolean());
      case 4 -> clear(handle, true);
      case 5 -> clear(handle, false);
      case 6 -> compare(handle);
      case 7 -> settle(0, model.length);
      case 8, 9, 10 -> handle.poll();
      case 11, 12, 13, 14, 15, 16 -> atPosition(handle);
      default -> {
        int kind = random.nextInt(4);
        boolean aligned = kind >= 2 || !handle.options().contains(HandleOption.BUFFERED);
        int from = offset(aligned);
        int length = length(from, aligned);
        switch (kind) {
          case 0 -> read(handle, from, length);
          case 1 -> write(handle, from, length);
          case 2 -> asyncRead(handle, from, length);
          default -> asyncWrite(handle, from, length);
        }
      }
    }
  }

  private int offset(boolean aligned) {
    int offset = random.nextInt(model.length);
    return aligned ? offset / block * block : offset;
  }

  private int length(int from, boolean aligned) {
    int most = Math.min(model.length - from, random.nextInt(8) == 0 ? MAX_LENGTH : 3 * block);
    int length = 1 + random.nextInt(most);
    return aligned ? Math.max(block, length / block * block) : length;
  }

  private MemorySegment memory(int length) {
    return switch (random.nextInt(4)) {
      case 0 -> MemorySegment.ofArray(new byte[length]);
      case 1 -> MemorySegment.ofArray(new byte[length + 3]).asSlice(3, length);
      case 2 -> Arena.ofAuto().allocate(length, 4);
      default -> Arena.ofAuto().allocate(length + 1L, 4096).asSlice(1, length);
    };
  }

  /** Some pieces of memory that have so many bytes together. */
  private MemorySegment[] parts(int length) {
    List<MemorySegment> parts = new ArrayList<>();
    for (int left = length; left > 0; ) {
      int part = parts.size() == 7 ? left : 1 + random.nextInt(left);
      parts.add(memory(part));
      left -= part;
    }
    return parts.toArray(MemorySegment[]::new);
  }

  private MemorySegment newData(int length) {
    byte[] data = new byte[length];
    random.nextBytes(data);
    MemorySegment memory = memory(length);
    TestData.fill(memory, data);
    return memory;
  }

  private void read(NvmeHandle handle, int from, int length) throws IOException {
    settleWrites(from, length);
    if (random.nextInt(3) == 0) {
      MemorySegment[] parts = parts(length);
      handle.read(parts, base + from);
      MemorySegment all = MemorySegment.ofArray(new byte[length]);
      Segments.gather(parts, 0, all, length);
      check("vectored read by " + handle.options(), from, all);
      return;
    }
    MemorySegment to = memory(length);
    handle.read(to, base + from);
    check("read by " + handle.options(), from, to);
  }

  private void write(NvmeHandle handle, int from, int length) throws IOException {
    settle(from, length);
    MemorySegment data = newData(length);
    if (random.nextInt(3) == 0) {
      MemorySegment[] parts = parts(length);
      Segments.scatter(data, parts, 0, length);
      handle.write(parts, base + from);
    } else {
      handle.write(data, base + from);
    }
    System.arraycopy(TestData.bytes(data), 0, model, from, length);
  }

  private void atPosition(NvmeHandle handle) throws IOException {
    boolean aligned = !handle.options().contains(HandleOption.BUFFERED);
    int from = offset(aligned);
    int length = length(from, aligned);
    assertThat(handle.seek(base + from, SeekOrigin.START)).isEqualTo(base + from);
    if (random.nextBoolean()) {
      settleWrites(from, length);
      MemorySegment to = memory(length);
      assertThat(handle.read(to)).isEqualTo(length);
      check("read at the position", from, to);
    } else {
      settle(from, length);
      MemorySegment data = newData(length);
      assertThat(handle.write(data)).isEqualTo(length);
      System.arraycopy(TestData.bytes(data), 0, model, from, length);
    }
    assertThat(handle.position()).isEqualTo(base + from + length);
  }

  private void clear(NvmeHandle handle, boolean discard) throws IOException {
    int from = offset(true);
    int length = length(from, true);
    settle(from, length);
    if (discard) {
      handle.discard(base + from, length);
      MemorySegment now = MemorySegment.ofArray(new byte[length]);
      handle.read(now, base + from);
      byte[] before = Arrays.copyOfRange(model, from, from + length);
      DeviceTraits.assertDeallocated(device, before, TestData.bytes(now));
      System.arraycopy(TestData.bytes(now), 0, model, from, length);
    } else {
      handle.writeZeroes(base + from, length);
      Arrays.fill(model, from, from + length, (byte) 0);
    }
  }

  private void compare(NvmeHandle handle) throws IOException {
    int from = offset(true);
    int length = length(from, true);
    settleWrites(from, length);
    byte[] expected = Arrays.copyOfRange(model, from, from + length);
    assertThat(handle.compare(MemorySegment.ofArray(expected), base + from))
        .as(where("compare", from, length))
        .isTrue();
    expected[random.nextInt(length)] ^= 1;
    assertThat(handle.compare(MemorySegment.ofArray(expected), base + from))
        .as(where("compare with a difference", from, length))
        .isFalse();
  }

  private void asyncRead(NvmeHandle handle, int from, int length) throws IOException {
    settleWrites(from, length);
    MemorySegment to = memory(length);
    byte[] expected = Arrays.copyOfRange(model, from, from + length);
    AsyncIo io = new AsyncIo();
    if (random.nextBoolean()) {
      handle.enqueueRead(io, to, base + from);
    } else if (!handle.read(io, to, base + from)) {
      return;
    }
    pending.add(new Pending(io, false, from, length, to, MemorySegment.ofArray(expected)));
  }

  private void asyncWrite(NvmeHandle handle, int from, int length) throws IOException {
    settle(from, length);
    MemorySegment data = newData(length);
    AsyncIo io = new AsyncIo();
    if (random.nextBoolean()) {
      handle.enqueueWrite(io, data, base + from);
    } else if (!handle.write(io, data, base + from)) {
      return;
    }
    byte[] written = TestData.bytes(data);
    System.arraycopy(written, 0, model, from, length);
    pending.add(new Pending(io, true, from, length, data, data));
  }

  /** Waits for the operations under way that a write of the range must not overtake. */
  private void settle(int from, int length) {
    settle(from, length, false);
  }

  /** Waits for the writes under way that a read of the range must see. */
  private void settleWrites(int from, int length) {
    settle(from, length, true);
  }

  private void settle(int from, int length, boolean writesOnly) {
    for (int i = 0; i < pending.size(); ) {
      Pending operation = pending.get(i);
      if (operation.touches(from, length) && (operation.write || !writesOnly)) {
        finish(operation);
        pending.remove(i);
      } else {
        i++;
      }
    }
  }

  private void finish(Pending operation) {
    while (!operation.io.isDone()) {
      queues.forEach(NvmeQueue::poll);
    }
    assertThat(operation.io.status())
        .as(where("status", operation.from, operation.length))
        .isZero();
    if (!operation.write) {
      assertEqual(
          "asynchronous read",
          operation.from,
          TestData.bytes(operation.memory),
          TestData.bytes(operation.expected));
    }
  }

  private void check(String what, int from, MemorySegment read) {
    byte[] bytes = TestData.bytes(read);
    assertEqual(what, from, bytes, Arrays.copyOfRange(model, from, from + bytes.length));
  }

  private void assertEqual(String what, int from, byte[] bytes, byte[] expected) {
    int difference = Arrays.mismatch(bytes, expected);
    if (difference >= 0) {
      throw new AssertionError(
          "%s: byte %d differs: expected %d, was %d"
              .formatted(
                  where(what, from, bytes.length),
                  base + from + difference,
                  expected[difference],
                  bytes[difference]));
    }
  }

  private String where(String what, int from, int length) {
    return "%s of %d bytes at %d in step %d on %s (-Dnvmedirect.seed=%d)"
        .formatted(what, length, base + from, step, device.address(), seed);
  }

  @Override
  public void close() throws IOException {
    for (NvmeHandle handle : handles) {
      handle.close();
    }
  }
}
