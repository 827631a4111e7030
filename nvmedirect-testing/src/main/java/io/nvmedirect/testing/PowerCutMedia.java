package io.nvmedirect.testing;

import io.nvmedirect.emulator.Media;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Blocks with a volatile cache in front of them. A power cut leaves of each block that was not flushed any of the
 * contents that it has had since: so writes are lost, torn between blocks, and done in any order.
 */
final class PowerCutMedia implements Media {

  private final byte[] durable;
  private final byte[] current;
  private final int blockBytes;

  /** By number of the block: what was written there since the last flush, without what is there now. */
  private final TreeMap<Integer, List<byte[]>> unflushed = new TreeMap<>();

  private final Sabotage sabotage;
  private int accesses;

  PowerCutMedia(int sizeBytes, int blockBytes, Sabotage sabotage) {
    this.sabotage = sabotage;
    this.durable = new byte[sizeBytes];
    this.current = new byte[sizeBytes];
    this.blockBytes = blockBytes;
  }

  @Override
  public long sizeBytes() {
    return current.length;
  }

  @Override
  public void read(long position, MemorySegment to, long offset, long lengthBytes) {
    MemorySegment.copy(MemorySegment.ofArray(current), position, to, offset, lengthBytes);
    List<byte[]> before = unflushed.get((int) (position / blockBytes));
    if (before != null && happens(Sabotage.READS_STALE)) {
      int from = (int) (position % blockBytes);
      int length = (int) Math.min(lengthBytes, blockBytes - from);
      MemorySegment.copy(MemorySegment.ofArray(before.getLast()), from, to, offset, length);
    }
  }

  @Override
  public void write(long position, MemorySegment from, long offset, long lengthBytes) {
    if (happens(Sabotage.LOSES_WRITES)) {
      return;
    }
    keep(position, lengthBytes);
    long length = happens(Sabotage.TEARS_BLOCKS) ? lengthBytes - blockBytes / 2 : lengthBytes;
    MemorySegment.copy(from, offset, MemorySegment.ofArray(current), position, length);
  }

  @Override
  public void discard(long position, long lengthBytes) {
    keep(position, lengthBytes);
    Arrays.fill(current, (int) position, (int) (position + lengthBytes), (byte) 0);
  }

  private void keep(long position, long lengthBytes) {
    int last = (int) ((position + lengthBytes - 1) / blockBytes);
    for (int block = (int) (position / blockBytes); block <= last; block++) {
      int at = block * blockBytes;
      unflushed
          .computeIfAbsent(block, b -> new ArrayList<>())
          .add(Arrays.copyOfRange(current, at, at + blockBytes));
    }
  }

  @Override
  public void flush() {
    if (sabotage == Sabotage.FORGETS_FLUSHES) {
      return;
    }
    keepAll();
  }

  private boolean happens(Sabotage what) {
    return sabotage == what && ++accesses % 64 == 0;
  }

  /** The simulation itself wants what is there to stay. */
  void keepAll() {
    for (int block : unflushed.keySet()) {
      System.arraycopy(current, block * blockBytes, durable, block * blockBytes, blockBytes);
    }
    unflushed.clear();
  }

  /** The power goes, and comes back. */
  void cutPower(Random random) {
    for (Map.Entry<Integer, List<byte[]>> each : unflushed.entrySet()) {
      int at = each.getKey() * blockBytes;
      List<byte[]> versions = each.getValue();
      int chosen = random.nextInt(versions.size() + 1);
      if (chosen < versions.size()) {
        System.arraycopy(versions.get(chosen), 0, current, at, blockBytes);
      }
      System.arraycopy(current, at, durable, at, blockBytes);
    }
    unflushed.clear();
  }

  /** The power stays on when a controller is closed. */
  @Override
  public void close() {}
}
