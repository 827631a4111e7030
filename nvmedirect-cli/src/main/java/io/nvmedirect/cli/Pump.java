package io.nvmedirect.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** Moves and compares bytes between channels, until the end or the user's wish to stop. */
final class Pump {

  private static final int BUFFER_BYTES = 512 << 10;

  private final Stop stop;
  private final Progress progress;

  Pump(Stop stop, Progress progress) {
    this.stop = stop;
    this.progress = progress;
  }

  /**
   * Copies.
   *
   * @param limit most bytes to copy
   * @return bytes copied
   */
  long copy(ReadableByteChannel from, WritableByteChannel to, long limit) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);
    long done = 0;
    while (fill(from, buffer, limit - done)) {
      done += buffer.remaining();
      while (buffer.hasRemaining()) {
        stop.interruptibly(to, () -> to.write(buffer));
      }
      progress.bytes(done);
    }
    return done;
  }

  /**
   * Compares two inputs of the same length.
   *
   * @return offset of the first difference; −1 if there is none
   */
  long compare(ReadableByteChannel one, ReadableByteChannel other, long lengthBytes)
      throws IOException {
    ByteBuffer left = ByteBuffer.allocateDirect(BUFFER_BYTES);
    ByteBuffer right = ByteBuffer.allocateDirect(BUFFER_BYTES);
    long done = 0;
    while (done < lengthBytes) {
      fill(one, left, lengthBytes - done);
      fill(other, right, lengthBytes - done);
      int mismatch = left.mismatch(right);
      if (mismatch >= 0) {
        return done + mismatch;
      }
      if (!left.hasRemaining()) {
        return done;
      }
      done += left.remaining();
      progress.bytes(done);
    }
    return -1;
  }

  /** Fills the buffer up to the limit or the end of the input; false if there was nothing more. */
  private boolean fill(ReadableByteChannel from, ByteBuffer buffer, long limit) throws IOException {
    stop.check();
    buffer.clear().limit((int) Math.min(BUFFER_BYTES, limit));
    while (buffer.hasRemaining() && stop.interruptibly(from, () -> from.read(buffer)) >= 0) {
      stop.check();
    }
    return buffer.flip().hasRemaining();
  }
}
