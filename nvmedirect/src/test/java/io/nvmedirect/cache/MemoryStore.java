package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A device in an array. It writes down what is asked of it ("r position+length", "w position+length"),
 * insists on whole sectors of native memory, and fails at chosen sectors: a write after it has written
 * the sectors before, a read after it has filled the memory with rubbish.
 */
final class MemoryStore implements Store {

  final byte[] content;
  final int sectorBytes;
  final List<String> log = new ArrayList<>();
  final Set<Long> badReads = new HashSet<>();
  final Set<Long> badWrites = new HashSet<>();

  /** Runs within each transfer. */
  Runnable hook = () -> {};

  MemoryStore(int deviceBytes, int sectorBytes) {
    content = new byte[deviceBytes];
    this.sectorBytes = sectorBytes;
    for (int i = 0; i < deviceBytes; i++) {
      content[i] = (byte) (i / sectorBytes * 31 + i);
    }
  }

  /** What was logged since the last call. */
  List<String> takeLog() {
    List<String> taken = List.copyOf(log);
    log.clear();
    return taken;
  }

  private void check(String what, MemorySegment memory, long position) {
    log.add(what + " " + position + "+" + memory.byteSize());
    hook.run();
    assertThat(memory.isNative()).isTrue();
    assertThat(memory.byteSize()).isPositive().isLessThanOrEqualTo(128 << 10);
    assertThat(memory.byteSize() % sectorBytes).isZero();
    assertThat(memory.address() % sectorBytes).isZero();
    assertThat(position % sectorBytes).isZero();
    assertThat(position).isNotNegative();
    assertThat(position + memory.byteSize()).isLessThanOrEqualTo(content.length);
  }

  @Override
  public void read(MemorySegment to, long position) throws IOException {
    check("r", to, position);
    for (long at = position; at < position + to.byteSize(); at += sectorBytes) {
      if (badReads.contains(at)) {
        to.fill((byte) 0xEE);
        throw new IOException("cannot read " + at);
      }
    }
    int length = (int) to.byteSize();
    MemorySegment.copy(content, (int) position, to, ValueLayout.JAVA_BYTE, 0, length);
  }

  @Override
  public void write(MemorySegment from, long position) throws IOException {
    check("w", from, position);
    for (long at = position; at < position + from.byteSize(); at += sectorBytes) {
      if (badWrites.contains(at)) {
        throw new IOException("cannot write " + at);
      }
      MemorySegment.copy(
          from, ValueLayout.JAVA_BYTE, at - position, content, (int) at, sectorBytes);
    }
  }
}
