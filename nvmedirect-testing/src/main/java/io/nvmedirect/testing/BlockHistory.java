package io.nvmedirect.testing;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What each 512 bytes of a device may hold, by what was written there and how that ended: now, and after a power cut.
 *
 * <p>A write takes effect at one moment between its begin and its end; one that has failed may have, or not. So a
 * content is gone for certain once a write that began after its own one's end has succeeded, and it survives a power
 * cut unless a flush that began after the end of such a write has succeeded. A content that was read is the one that
 * is there, of all whose writes had ended when the read began.
 */
final class BlockHistory {

  static final int UNIT_BYTES = 512;

  private static final long NOT_YET = Long.MAX_VALUE;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final int LONGS = UNIT_BYTES / Long.BYTES;

  /** Something that was written. Times are those of the history, which orders all events. */
  static final class Write {
    final long content;
    final int firstUnit;
    final int units;
    final long begun;
    long ended = NOT_YET;
    boolean succeeded;

    private Write(long content, int firstUnit, int units, long begun) {
      this.content = content;
      this.firstUnit = firstUnit;
      this.units = units;
      this.begun = begun;
    }
  }

  /** A read that is under way, with what it may return. */
  static final class Read {
    final int firstUnit;
    final long begun;
    private final List<List<Write>> possible = new ArrayList<>();

    private Read(int firstUnit, long begun) {
      this.firstUnit = firstUnit;
      this.begun = begun;
    }
  }

  private final List<List<Write>> current = new ArrayList<>();
  private final List<List<Write>> afterPowerCut = new ArrayList<>();
  private final List<Read> reading = new ArrayList<>();
  private long time;
  private long contents;

  BlockHistory(long sizeBytes) {
    for (int unit = 0; unit < sizeBytes / UNIT_BYTES; unit++) {
      Write zeroes = settled(0, unit);
      current.add(new ArrayList<>(List.of(zeroes)));
      afterPowerCut.add(new ArrayList<>(List.of(zeroes)));
    }
  }

  private Write settled(long content, int unit) {
    Write write = new Write(content, unit, 1, time);
    write.ended = time;
    write.succeeded = true;
    return write;
  }

  long now() {
    return ++time;
  }

  // ---- Writes.

  /** A write of unique content begins; {@link #fill} makes its data. */
  Write beginWrite(long position, long lengthBytes) {
    return begin(++contents, position, lengthBytes);
  }

  /** Something begins after which the range reads as zeroes. */
  Write beginZeroes(long position, long lengthBytes) {
    return begin(0, position, lengthBytes);
  }

  private Write begin(long content, long position, long lengthBytes) {
    Write write =
        new Write(content, (int) (position / UNIT_BYTES), (int) (lengthBytes / UNIT_BYTES), now());
    for (int unit = write.firstUnit; unit < write.firstUnit + write.units; unit++) {
      current.get(unit).add(write);
      afterPowerCut.get(unit).add(write);
      for (Read read : reading) {
        int i = unit - read.firstUnit;
        if (i >= 0 && i < read.possible.size()) {
          read.possible.get(i).add(write);
        }
      }
    }
    return write;
  }

  static void fill(MemorySegment data, Write write) {
    for (int unit = 0; unit < write.units; unit++) {
      for (int i = 0; i < LONGS; i++) {
        data.set(LONG, (long) unit * UNIT_BYTES + (long) i * Long.BYTES, write.content * LONGS + i);
      }
    }
  }

  /**
   * @param durable whether a write that has succeeded survives a power cut by itself
   */
  void endWrite(Write write, boolean succeeded, boolean durable) {
    write.ended = now();
    write.succeeded = succeeded;
    if (!succeeded) {
      return;
    }
    for (int unit = write.firstUnit; unit < write.firstUnit + write.units; unit++) {
      current.get(unit).removeIf(other -> other.ended < write.begun);
      if (durable) {
        afterPowerCut.get(unit).removeIf(other -> other.ended < write.begun);
      }
    }
  }

  /** Deallocation has ended: a range may read as what it was, too. */
  void endDiscard(Write write) {
    write.ended = now();
  }

  // ---- Reads.

  Read beginRead(long position, long lengthBytes) {
    Read read = new Read((int) (position / UNIT_BYTES), now());
    for (int i = 0; i < lengthBytes / UNIT_BYTES; i++) {
      read.possible.add(new ArrayList<>(current.get(read.firstUnit + i)));
    }
    reading.add(read);
    return read;
  }

  /** A read has failed. */
  void cancelRead(Read read) {
    reading.remove(read);
  }

  /** Checks what a read that has succeeded returned. */
  void endRead(Read read, MemorySegment data) {
    reading.remove(read);
    for (int i = 0; i < read.possible.size(); i++) {
      int unit = read.firstUnit + i;
      long content = content(data, i, unit);
      Write seen = find(content, read.possible.get(i));
      if (seen == null) {
        throw new SimulationFailure(
            "a read returned what is not there: byte %d has content %d, and may have %s"
                .formatted((long) unit * UNIT_BYTES, content, contents(read.possible.get(i))));
      }
      Write there = seen;
      current.get(unit).removeIf(other -> !other.equals(there) && other.ended < read.begun);
    }
  }

  private static @Nullable Write find(long content, List<Write> writes) {
    for (int i = writes.size() - 1; i >= 0; i--) {
      if (writes.get(i).content == content) {
        return writes.get(i);
      }
    }
    return null;
  }

  private static List<Long> contents(List<Write> writes) {
    return writes.stream().map(write -> write.content).toList();
  }

  private static long content(MemorySegment data, int index, int unit) {
    long at = (long) index * UNIT_BYTES;
    long content = data.get(LONG, at) / LONGS;
    for (int i = 0; i < LONGS; i++) {
      long expected = content == 0 ? 0 : content * LONGS + i;
      if (data.get(LONG, at + (long) i * Long.BYTES) != expected) {
        throw new SimulationFailure(
            "512 bytes are of two writes: byte %d begins with content %d"
                .formatted((long) unit * UNIT_BYTES, content));
      }
    }
    return content;
  }

  // ---- Power.

  /** A flush that began at {@code begun} has succeeded. */
  void flushed(long begun) {
    for (List<Write> unit : afterPowerCut) {
      unit.removeIf(other ->
          unit.stream().anyMatch(w -> w.succeeded && w.ended < begun && other.ended < w.begun));
    }
  }

  /** What was in flight has ended; then the whole device was read. */
  void powerWasCut(MemorySegment all) {
    for (int unit = 0; unit < current.size(); unit++) {
      long content = content(all, unit, unit);
      if (find(content, afterPowerCut.get(unit)) == null) {
        throw new SimulationFailure(
            "after a power cut byte %d has content %d, and may have %s"
                .formatted((long) unit * UNIT_BYTES, content, contents(afterPowerCut.get(unit))));
      }
      Write there = settled(content, unit);
      current.set(unit, new ArrayList<>(List.of(there)));
      afterPowerCut.set(unit, new ArrayList<>(List.of(there)));
    }
  }
}
