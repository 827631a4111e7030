package io.nvmedirect;

import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A handle's I/O on several segments. All of it is checked before any of it is done: the segments, and
 * the range that they are together.
 */
final class VectoredIo {

  private final NvmeDevice device;
  private final Coherence coherence;
  private final DirectPaths direct;

  VectoredIo(NvmeDevice device, DirectPaths direct) {
    this.device = device;
    this.coherence = device.coherence();
    this.direct = direct;
  }

  void read(MemorySegment[] to, long position) throws IOException {
    long length = Segments.check(to, true);
    direct.checkRange(position, length);
    coherence.beforeRead(direct, position, length);
    direct.transfer(Opcode.READ, 0, to, length, position);
  }

  void write(MemorySegment[] from, long position, int flags, boolean behind) throws IOException {
    long length = Segments.check(from, false);
    device.checkWritable(Opcode.WRITE, position, length);
    direct.checkRange(position, length);
    if (length == 0) {
      return;
    }
    if (behind && direct.canWriteBehind(length) && Segments.areShared(from)) {
      coherence.writeBehind(direct, flags, from, length, position);
      return;
    }
    coherence.change(
        direct,
        position,
        length,
        () -> direct.transfer(Opcode.WRITE, flags, from, length, position));
  }

  void readBuffered(MemorySegment[] to, long position) throws IOException {
    long length = Segments.check(to, true);
    device.checkBytes(position, length);
    direct.first().checkUsable();
    coherence.readBuffered(direct, to, length, position);
  }

  void writeBuffered(MemorySegment[] from, long position, boolean through) throws IOException {
    long length = Segments.check(from, false);
    device.checkWritable(Opcode.WRITE, position, length);
    device.checkBytes(position, length);
    direct.first().checkUsable();
    coherence.writeBuffered(direct, from, length, position, through);
  }

  boolean post(
      AsyncIo operation,
      int opcode,
      int flags,
      MemorySegment[] memory,
      long position,
      boolean queueIfFull)
      throws IOException {
    long length = Segments.check(memory, opcode == Opcode.READ);
    if (opcode == Opcode.WRITE) {
      device.checkWritable(opcode, position, length);
    }
    direct.checkRange(position, length);
    coherence.beforeAsync(direct, opcode, position, length);
    return direct.post(operation, opcode, flags, memory, length, position, queueIfFull);
  }
}
