package io.nvmedirect;

import io.nvmedirect.driver.Namespace;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.memory.DmaVector;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ConcurrentModificationException;

/**
 * Block I/O on several segments through one queue. Memory that the device reaches is transferred to and
 * from directly, with as few commands as their data pointers allow. If it does not reach all of it, or
 * if there is a block that no data pointer can describe, all of it goes through a bounce buffer.
 *
 * <p>The caller has checked the segments, and that {@code length} is what they have.
 */
final class VectoredPath {

  private final DirectIo path;
  private final NvmeDevice device;
  private final Namespace namespace;

  /** What the address of a segment has to be a multiple of. */
  private final int alignment;

  VectoredPath(DirectIo path, Namespace namespace) {
    this.path = path;
    this.device = path.device();
    this.namespace = namespace;
    // PRPs are multiples of 4, and every address that is one is good for any SGL, too.
    this.alignment = namespace.sglAlignment() == 1 ? 1 : 4;
  }

  /** Read or Write. */
  void transfer(int opcode, int flags, MemorySegment[] memory, long length, long position)
      throws IOException {
    path.checkRange(position, length);
    if (length == 0) {
      return;
    }
    AsyncIo io = DirectIo.synchronous();
    path.begin(io, false, opcode, position, length);
    boolean attached = false;
    try {
      attached = attach(io, opcode, flags, memory, length, position);
    } finally {
      if (!attached) {
        path.abandon(io);
      }
    }
    if (attached) {
      path.runToEnd(io);
      return;
    }
    boolean shares = path.takeShare();
    try {
      copy(opcode, flags, memory, length, position, shares);
    } finally {
      path.giveShareBack(shares);
    }
  }

  /** On this thread, which alone may access the memory, perhaps. */
  private void copy(
      int opcode, int flags, MemorySegment[] memory, long length, long position, boolean shares)
      throws IOException {
    DmaBuffer bounce = path.takeBounce(shares);
    try {
      for (long done = 0; done < length; ) {
        long window = Math.min(length - done, bounce.byteSize());
        if (opcode != Opcode.READ) {
          Segments.gather(memory, done, bounce.segment(), window);
        }
        bounce.acquire();
        path.run(opcode, flags, position + done, window, bounce, 0);
        if (opcode == Opcode.READ) {
          Segments.scatter(bounce.segment(), memory, done, window);
        }
        done += window;
      }
    } finally {
      device.giveBack(bounce);
    }
  }

  /** Posts a transfer; false if the queue is full and it is not to wait for a slot. */
  boolean post(
      AsyncIo io,
      int opcode,
      int flags,
      MemorySegment[] memory,
      long length,
      long position,
      boolean queueIfFull)
      throws IOException {
    prepare(io, true, opcode, flags, memory, length, position);
    if (!queueIfFull) {
      return path.submit(io);
    }
    path.submitOrQueue(io, false);
    return true;
  }

  /** Submits a write that whoever waits for something completes. */
  void writeBehind(AsyncIo io, int flags, MemorySegment[] from, long length, long position)
      throws IOException {
    prepare(io, false, Opcode.WRITE, flags, from, length, position);
    path.submitOrQueue(io, true);
  }

  private void prepare(
      AsyncIo io,
      boolean asynchronous,
      int opcode,
      int flags,
      MemorySegment[] memory,
      long length,
      long position)
      throws IOException {
    path.checkRange(position, length);
    DirectIo.checkNotEmpty(length);
    path.begin(io, asynchronous, opcode, position, length);
    boolean prepared = false;
    try {
      path.register(io);
      if (!attach(io, opcode, flags, memory, length, position)) {
        io.notVectored();
        bounce(io, opcode, flags, memory, position);
      }
      prepared = true;
    } finally {
      if (!prepared) {
        path.abandon(io);
      }
    }
  }

  private void bounce(AsyncIo io, int opcode, int flags, MemorySegment[] memory, long position)
      throws IOException {
    for (MemorySegment segment : memory) {
      path.checkAsynchronous(segment);
    }
    long slba = position >>> namespace.blockShift();
    // The array is the caller's again when this returns.
    MemorySegment[] all = memory.clone();
    DmaBuffer buffer = device.bounces().take();
    Bounce bounce = null;
    try {
      bounce = new Bounce(namespace, io.request(), opcode, flags, slba, all, buffer);
    } finally {
      if (bounce == null) {
        device.giveBack(buffer);
      }
    }
    io.bounced(bounce);
    bounce.prepareWindow();
  }

  /** Makes the memory the operation's data; false if it has to be copied. */
  private boolean attach(
      AsyncIo io, int opcode, int flags, MemorySegment[] memory, long length, long position) {
    DmaVector data = io.vectored();
    for (MemorySegment segment : memory) {
      if (segment.byteSize() > 0 && !data.add(device.registry(), segment, alignment)) {
        return false;
      }
    }
    if (data.byteSize() != length) {
      throw new ConcurrentModificationException("the array of segments was changed meanwhile");
    }
    if (!path.queue().carries(data, namespace)) {
      return false;
    }
    io.request().transfer(opcode, namespace, flags, position >>> namespace.blockShift(), data);
    return true;
  }
}
