package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** An engine in memory, of which a test says in which order the I/Os end, and which have no room, fail or get lost. */
final class ScriptedIo implements BlockIo {

  enum Kind {
    READ,
    WRITE,
    FLUSH
  }

  /**
   * An I/O that was begun.
   *
   * @param inFlight those before it that had not ended
   */
  record Begun(Kind kind, int slot, int lengthBytes, long position, int inFlight) {}

  final List<Begun> begun = new ArrayList<>();
  final List<Begun> ended = new ArrayList<>();
  final List<Begun> flying = new ArrayList<>();
  final MemorySegment memory;

  /** Which of so many in flight ends next. */
  IntUnaryOperator next = count -> 0;

  /** How many end in one poll. */
  int endsAPoll = Integer.MAX_VALUE;

  /** What there is no room for. */
  Predicate<Begun> refused = io -> false;

  Predicate<Begun> failing = io -> false;
  Predicate<Begun> lost = io -> false;
  Runnable beforePoll = () -> {};
  int refusals;
  int closed;
  private final Arena arena = Arena.ofAuto();
  private MemorySegment[] buffers = {};
  private @Nullable Listener listener;

  ScriptedIo(int memoryBytes) {
    this.memory = arena.allocate(memoryBytes);
  }

  /** For a worker. */
  ScriptedIo open(int depth, int blockBytes, Listener of) {
    listener = of;
    buffers = new MemorySegment[depth];
    for (int i = 0; i < depth; i++) {
      buffers[i] = arena.allocate(blockBytes);
    }
    return this;
  }

  List<Begun> begun(Kind kind) {
    return begun.stream().filter(io -> io.kind() == kind).toList();
  }

  private boolean begin(Kind kind, int slot, int lengthBytes, long position) {
    if (closed > 0 || flying.stream().anyMatch(io -> io.slot() == slot)) {
      throw new IllegalStateException("slot %d is in flight, or closed=%d".formatted(slot, closed));
    }
    Begun io = new Begun(kind, slot, lengthBytes, position, flying.size());
    if (refused.test(io)) {
      refusals++;
      return false;
    }
    begun.add(io);
    flying.add(io);
    return true;
  }

  @Override
  public MemorySegment buffer(int slot) {
    return buffers[slot];
  }

  @Override
  public boolean read(int slot, int lengthBytes, long position) {
    return begin(Kind.READ, slot, lengthBytes, position);
  }

  @Override
  public boolean write(int slot, int lengthBytes, long position) {
    return begin(Kind.WRITE, slot, lengthBytes, position);
  }

  @Override
  public boolean flush(int slot) {
    return begin(Kind.FLUSH, slot, 0, 0);
  }

  @Override
  public int poll(long waitNs) {
    beforePoll.run();
    int count = Math.min(flying.size(), endsAPoll);
    for (int i = 0; i < count; i++) {
      end(flying.remove(next.applyAsInt(flying.size())));
    }
    return count;
  }

  private void end(Begun io) {
    Listener to = listener;
    if (to == null) {
      throw new IllegalStateException("not open");
    }
    ended.add(io);
    if (failing.test(io)) {
      to.failed(io.slot(), new IOException("scripted failure at position " + io.position()));
      return;
    }
    MemorySegment buffer = buffers[io.slot()];
    if (io.kind() == Kind.READ) {
      MemorySegment.copy(memory, io.position(), buffer, 0, io.lengthBytes());
    } else if (io.kind() == Kind.WRITE && !lost.test(io)) {
      MemorySegment.copy(buffer, 0, memory, io.position(), io.lengthBytes());
    }
    to.completed(io.slot());
  }

  @Override
  public void close() {
    closed++;
  }
}
