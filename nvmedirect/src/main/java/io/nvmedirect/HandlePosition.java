package io.nvmedirect;

import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.transport.IoLock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A handle's own position, and its I/O there. */
final class HandlePosition {

  private final NvmeHandle handle;
  private final NvmeDevice device;

  /** Owns the position, also while an operation at it is under way. */
  private final IoLock lock;

  private long position;

  HandlePosition(NvmeHandle handle) {
    this.handle = handle;
    this.device = handle.device();
    this.lock = new IoLock(device.queues().reaper());
  }

  long get() {
    lock.lock();
    try {
      return position;
    } finally {
      lock.unlock();
    }
  }

  private boolean isBuffered() {
    return handle.options().contains(HandleOption.BUFFERED);
  }

  long seek(long offset, SeekOrigin origin) {
    lock.lock();
    try {
      long size = device.sizeBytes();
      long target;
      try {
        target =
            switch (origin) {
              case START -> offset;
              case CURRENT -> Math.addExact(position, offset);
              case END -> Math.subtractExact(size, offset);
            };
      } catch (ArithmeticException e) {
        target = -1;
      }
      boolean aligned = isBuffered() || target % device.blockBytes() == 0;
      if (target < 0 || target > size || !aligned) {
        throw new IllegalArgumentException(
            "no position of a %s handle: %d from %s; size=%d, block=%d, position=%d"
                .formatted(
                    isBuffered() ? "buffered" : "direct",
                    offset,
                    origin,
                    size,
                    device.blockBytes(),
                    position));
      }
      position = target;
      return target;
    } finally {
      lock.unlock();
    }
  }

  long read(MemorySegment to) throws IOException {
    lock.lock();
    try {
      checkAligned(to.byteSize());
      long length = Math.min(to.byteSize(), device.sizeBytes() - position);
      handle.read(to.asSlice(0, length), position);
      position += length;
      return length;
    } finally {
      lock.unlock();
    }
  }

  long write(MemorySegment from) throws IOException {
    lock.lock();
    try {
      checkAligned(from.byteSize());
      long length = Math.min(from.byteSize(), device.sizeBytes() - position);
      if (length == 0 && from.byteSize() > 0) {
        throw new NvmeException(
            "%s: the position is at the end of the device: %d"
                .formatted(device.address(), position));
      }
      handle.write(from.asSlice(0, length), position);
      position += length;
      return length;
    } finally {
      lock.unlock();
    }
  }

  /** Of a direct handle all that is asked for is whole blocks, not only what the device has of it. */
  private void checkAligned(long lengthBytes) {
    if (!isBuffered() && lengthBytes % device.blockBytes() != 0) {
      throw new IllegalArgumentException(
          "the length must be a multiple of the block of %d bytes: length=%d"
              .formatted(device.blockBytes(), lengthBytes));
    }
  }
}
