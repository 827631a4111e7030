package io.nvmedirect.driver;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Memory for commands that no device executes. */
final class Buffers {

  static final DmaBuffer ANY = allocate();

  private Buffers() {}

  private static DmaBuffer allocate() {
    try (Emulator emulator = Emulator.open(EmulatorOptions.parse("mem:1MiB"))) {
      return DmaBuffer.allocate(emulator.dma(), 1 << 20);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
