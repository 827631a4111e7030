package io.nvmedirect.examples;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A handle with a queue for writes and a queue for reads, so that reads do not wait behind writes. */
public final class SplitQueues {

  private static final int BYTES = 1 << 20;

  /** Commands that went to each queue. */
  record Counts(int writes, int reads) {}

  private SplitQueues() {}

  /** Runs on the device with the address {@code args[0]}. */
  public static void main(String[] args) throws IOException {
    Counts counts = run(args.length > 0 ? args[0] : "mem:1GiB");
    System.out.printf("%d write and %d read commands%n", counts.writes(), counts.reads());
  }

  static Counts run(String address) throws IOException {
    int[] commands = new int[2];
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue writes = device.createQueue();
        NvmeQueue reads = device.createQueue();
        NvmeHandle handle =
            device.createHandle(
                List.of(writes, reads),
                (through, opcode, position, lengthBytes) -> {
                  commands[opcode == Opcode.WRITE ? 0 : 1]++;
                  return opcode == Opcode.WRITE ? writes : reads;
                });
        Arena arena = Arena.ofShared()) {
      MemorySegment written = arena.allocate(BYTES, 4096).fill((byte) 42);
      MemorySegment read = arena.allocate(BYTES, 4096);
      handle.write(written, 0);
      handle.read(read, 0);
      if (read.mismatch(written) != -1) {
        throw new IllegalStateException("what was read is not what was written");
      }
    }
    return new Counts(commands[0], commands[1]);
  }
}
