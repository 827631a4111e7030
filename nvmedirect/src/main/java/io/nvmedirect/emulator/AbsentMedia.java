package io.nvmedirect.emulator;

import java.lang.foreign.MemorySegment;

/** The media of a subsystem whose blocks are another device's: nothing comes here. */
final class AbsentMedia implements Media {

  private static IllegalStateException misled() {
    return new IllegalStateException("the blocks are another device's");
  }

  @Override
  public long sizeBytes() {
    return 0;
  }

  @Override
  public void read(long position, MemorySegment to, long offset, long lengthBytes) {
    throw misled();
  }

  @Override
  public void write(long position, MemorySegment from, long offset, long lengthBytes) {
    throw misled();
  }

  @Override
  public void discard(long position, long lengthBytes) {
    throw misled();
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
