package io.nvmedirect.emulator;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * What the controller keeps its blocks on: bytes from 0 to {@link #sizeBytes}. Ranges are within it;
 * the engine sees to that, and is the only user.
 */
public interface Media {

  long sizeBytes();

  /** Fills {@code lengthBytes} of {@code to} from {@code offset} on. */
  void read(long position, MemorySegment to, long offset, long lengthBytes) throws IOException;

  void write(long position, MemorySegment from, long offset, long lengthBytes) throws IOException;

  /** Makes a range read as zeroes and gives its space back where that is possible. */
  void discard(long position, long lengthBytes) throws IOException;

  /** Makes everything that was written durable. */
  void flush() throws IOException;

  void close();
}
