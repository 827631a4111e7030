package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * One thread of several that write and read the same blocks. A block is filled with one stamp, of its
 * writer and its number, so a block of two stamps is one that nobody wrote.
 */
final class StampingUser implements AutoCloseable {

  private final NvmeDevice device;
  private final long seed;
  private final Random random;
  private final int writer;
  private final int block;
  private final int blocks;
  private final NvmeHandle handle;
  private int number;

  /** Writes and reads the first blocks of a device, which have stamps already. */
  StampingUser(NvmeDevice device, NvmeQueue queue, long seed, int writer, int blocks) {
    this.device = device;
    this.seed = seed;
    this.random = new Random(seed);
    this.writer = writer;
    this.block = device.blockBytes();
    this.blocks = blocks;
    this.handle = queue.createHandle();
  }

  void run(int operations) throws IOException {
    for (int i = 0; i < operations; i++) {
      if (random.nextInt(20) == 0) {
        handle.set(HandleOption.BUFFERED, random.nextBoolean());
        handle.set(HandleOption.WRITE_THROUGH, random.nextBoolean());
      }
      int first = random.nextInt(blocks);
      int count = 1 + random.nextInt(Math.min(8, blocks - first));
      MemorySegment memory = MemorySegment.ofArray(new long[count * block / Long.BYTES]);
      if (random.nextBoolean()) {
        stamp(memory, count);
        handle.write(memory, (long) first * block);
      } else {
        handle.read(memory, (long) first * block);
        check(memory, first, count);
      }
      if (random.nextInt(200) == 0) {
        handle.flush();
      }
    }
  }

  private void stamp(MemorySegment memory, int count) {
    for (int b = 0; b < count; b++) {
      long stamp = (long) writer << 32 | ++number;
      for (int at = 0; at < block; at += Long.BYTES) {
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, (long) b * block + at, stamp);
      }
    }
  }

  private void check(MemorySegment memory, int first, int count) {
    for (int b = 0; b < count; b++) {
      long stamp = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, (long) b * block);
      assertThat(stamp >>> 32).isBetween(0L, 4L);
      for (int at = 0; at < block; at += Long.BYTES) {
        long word = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, (long) b * block + at);
        if (word != stamp) {
          throw new AssertionError(
              "block %d of %s has stamps %x and %x (-Dnvmedirect.seed=%d)"
                  .formatted(first + b, device.address(), stamp, word, seed));
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    handle.close();
  }
}
