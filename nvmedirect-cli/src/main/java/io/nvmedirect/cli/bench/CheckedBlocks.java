package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Data that says whether it is right: each unit, which is the job's smallest block, begins with a header of 32
 * bytes: a mark, the number of the run, the unit's position and a CRC-32C of all but itself. The rest differs
 * from unit to unit and from write to write.
 */
final class CheckedBlocks {

  static final int HEADER_BYTES = 32;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long MARK = 0x315f4456_44454d56L;
  private static final int RUN = 8;
  private static final int POSITION = 16;
  private static final int CHECKSUM = 24;
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;

  private final long run;
  private final int unitBytes;
  private final long offset;
  private final MemorySegment[] buffers;
  private final ByteBuffer[] views;
  private final CRC32C crc = new CRC32C();
  private final UnitSet written = new UnitSet();
  private long writes;
  private long checked;

  /**
   * @param run a number that other runs do not have
   * @param unitBytes at least as long as a header
   */
  CheckedBlocks(long run, int unitBytes, long offset, int depth, BlockIo io) {
    this.run = run;
    this.unitBytes = unitBytes;
    this.offset = offset;
    this.buffers = new MemorySegment[depth];
    this.views = new ByteBuffer[depth];
    for (int i = 0; i < depth; i++) {
      buffers[i] = io.buffer(i);
      views[i] = buffers[i].asByteBuffer();
    }
  }

  /** Writes data for an I/O into the buffer of a slot. */
  void fill(int slot, int lengthBytes, long position) {
    MemorySegment buffer = buffers[slot];
    for (int at = 0; at < lengthBytes; at += unitBytes) {
      long word = (position + at) * GOLDEN + ++writes;
      for (int i = HEADER_BYTES; i + 8 <= unitBytes; i += 8) {
        word = word * 6364136223846793005L + GOLDEN;
        buffer.set(LONG, at + i, word);
      }
      buffer.set(LONG, at, MARK);
      buffer.set(LONG, at + RUN, run);
      buffer.set(LONG, at + POSITION, position + at);
      buffer.set(LONG, at + CHECKSUM, checksum(slot, at));
    }
  }

  /** The device has written an I/O: from now on it can be checked. */
  void written(int lengthBytes, long position) {
    written.set((position - offset) / unitBytes, lengthBytes / unitBytes);
  }

  /** Checks what was read into the buffer of a slot. */
  void check(int slot, int lengthBytes, long position) throws IOException {
    MemorySegment buffer = buffers[slot];
    for (int at = 0; at < lengthBytes; at += unitBytes) {
      long here = position + at;
      if (buffer.get(LONG, at) != MARK) {
        throw corrupt(here, "it has no header, as after a write of a job with verify=crc32c");
      }
      long stored = buffer.get(LONG, at + CHECKSUM);
      long computed = checksum(slot, at);
      if (stored != computed) {
        throw corrupt(here, "its CRC-32C is 0x%08x, should be 0x%08x".formatted(computed, stored));
      }
      long labelled = buffer.get(LONG, at + POSITION);
      if (labelled != here) {
        throw corrupt(here, "it is the block that belongs at position %d".formatted(labelled));
      }
      if (wasWritten(here) && buffer.get(LONG, at + RUN) != run) {
        throw corrupt(here, "it is older than this run, which has written it");
      }
      checked++;
    }
  }

  private boolean wasWritten(long position) {
    return written.get((position - offset) / unitBytes);
  }

  private IOException corrupt(long position, String what) {
    return new IOException(
        "verify: the block of %d bytes at position %d is wrong: %s"
            .formatted(unitBytes, position, what));
  }

  private long checksum(int slot, int at) {
    ByteBuffer view = views[slot];
    crc.reset();
    crc.update(view.clear().position(at).limit(at + CHECKSUM));
    crc.update(view.clear().position(at + HEADER_BYTES).limit(at + unitBytes));
    return crc.getValue();
  }

  /** The position of the first unit at or behind {@code position} that was written; -1 if there is none. */
  long nextWritten(long position) {
    long unit = written.next((position - offset) / unitBytes);
    return unit < 0 ? -1 : offset + unit * unitBytes;
  }

  /** Units that were checked and found right. */
  long checked() {
    return checked;
  }
}
