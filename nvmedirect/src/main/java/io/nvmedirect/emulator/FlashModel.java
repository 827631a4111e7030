package io.nvmedirect.emulator;

import io.nvmedirect.spec.Opcode;

/**
 * When a command completes on a NAND SSD of 8 channels with 4 dies each: a read waits for its die and
 * then for its channel; a write is done when it is in the cache, until the dies fall too far behind
 * in programming it. Random numbers come from a fixed seed, so that the same commands at the same
 * times take the same time. Owned by the engine.
 */
final class FlashModel implements DeviceModel {

  private static final int CHANNELS = 8;
  private static final int DIES = 4 * CHANNELS;
  private static final int PAGE_SHIFT = 14;
  private static final long PAGE_BYTES = 1L << PAGE_SHIFT;

  private static final long SENSE_NS = 62_000;
  private static final int SENSE_SPREAD_NS = 24_000;
  private static final long RETRY_NS = 45_000;
  private static final long SLOW_READ_NS = 400_000;
  private static final long PROGRAM_NS = 450_000;
  private static final long CACHE_NS = 20_000;
  private static final long OTHER_NS = 30_000;

  /** A read suspends a program after this long. */
  private static final long SUSPEND_NS = 100_000;

  /** Programming that may be left to do when a write completes: the size of the cache. */
  private static final long BACKLOG_NS = 4_000_000;

  /** A channel moves a byte in 0.8 ns: 1.2 GB/s. */
  private static final long CHANNEL_PS_PER_BYTE = 800;

  private final long[] dieFreeNs = new long[DIES];
  private final long[] channelFreeNs = new long[CHANNELS];
  private long random = 0x9E37_79B9_7F4A_7C15L;
  private long unprogrammedBytes;
  private int nextDie;

  FlashModel(long nowNs) {
    for (int i = 0; i < DIES; i++) {
      dieFreeNs[i] = nowNs;
      channelFreeNs[i % CHANNELS] = nowNs;
    }
  }

  @Override
  public long dueNs(int opcode, long position, long lengthBytes, long nowNs) {
    return switch (opcode) {
      case Opcode.READ, Opcode.COMPARE, Opcode.VERIFY -> read(position, lengthBytes, nowNs);
      case Opcode.WRITE -> write(lengthBytes, nowNs);
      case Opcode.FLUSH -> flush(nowNs);
      default -> nowNs + OTHER_NS;
    };
  }

  private long read(long position, long lengthBytes, long nowNs) {
    long due = nowNs;
    long end = position + lengthBytes;
    for (long at = position; at < end; ) {
      long next = Math.min((at & -PAGE_BYTES) + PAGE_BYTES, end);
      due = later(due, readPage(at >>> PAGE_SHIFT, next - at, nowNs));
      at = next;
    }
    return due;
  }

  private long readPage(long page, long lengthBytes, long nowNs) {
    int die = (int) ((page * 0x9E37_79B9_7F4A_7C15L) >>> 59);
    long busyNs = Math.max(0, dieFreeNs[die] - nowNs);
    long sensed = nowNs + Math.min(busyNs, SUSPEND_NS) + senseNs();
    dieFreeNs[die] = busyNs > SUSPEND_NS ? dieFreeNs[die] + SENSE_NS : sensed;
    int channel = die % CHANNELS;
    long done = later(sensed, channelFreeNs[channel]) + lengthBytes * CHANNEL_PS_PER_BYTE / 1000;
    channelFreeNs[channel] = done;
    return done;
  }

  /** About 74 µs; one read in 16 is retried, one in 1024 is slow. */
  private long senseNs() {
    random ^= random << 13;
    random ^= random >>> 7;
    random ^= random << 17;
    long sense = SENSE_NS + (random >>> 40) % SENSE_SPREAD_NS;
    if ((random & 0x3FF) == 0) {
      return sense + SLOW_READ_NS;
    }
    return (random & 0xF) == 1 ? sense + RETRY_NS : sense;
  }

  private long write(long lengthBytes, long nowNs) {
    long due = nowNs + CACHE_NS;
    unprogrammedBytes += lengthBytes;
    while (unprogrammedBytes >= PAGE_BYTES) {
      unprogrammedBytes -= PAGE_BYTES;
      dieFreeNs[nextDie] = later(dieFreeNs[nextDie], nowNs) + PROGRAM_NS;
      due = later(due, dieFreeNs[nextDie] - BACKLOG_NS);
      nextDie = (nextDie + 1) % DIES;
    }
    return due;
  }

  private long flush(long nowNs) {
    long due = nowNs + CACHE_NS;
    for (long free : dieFreeNs) {
      due = later(due, free);
    }
    return due;
  }

  private static long later(long a, long b) {
    return a - b > 0 ? a : b;
  }
}
