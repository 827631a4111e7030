package io.nvmedirect.emulator;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Pages of a mapped file that somebody shortens: touching them is SIGBUS. */
final class GonePage implements AutoCloseable {

  private static final int PAGES = 2;

  private final FileChannel file;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;

  private GonePage(FileChannel file) throws IOException {
    this.file = file;
    this.memory = file.map(FileChannel.MapMode.READ_WRITE, 0, PAGES * 4096L, arena);
  }

  static GonePage map(Path path) throws IOException {
    return new GonePage(
        FileChannel.open(
            path,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE));
  }

  MemorySegment segment() {
    return memory;
  }

  /** Takes both pages away. */
  void vanish() throws IOException {
    file.truncate(0);
  }

  /** Takes the second page away. */
  void vanishSecond() throws IOException {
    file.truncate(4096);
  }

  @Override
  public void close() throws IOException {
    arena.close();
    file.close();
  }
}
