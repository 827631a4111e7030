package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;

/** A mapped file: an I/O is a copy between the mapping and the buffer. */
final class MappedIo extends BlockingIo {

  private final Arena arena = Arena.ofShared();
  private final MemorySegment mapping;

  MappedIo(BlockFile file, int blockBytes, Listener listener) throws IOException {
    super(blockBytes, listener);
    try (FileChannel channel = FileChannel.open(file.path(), file.options())) {
      this.mapping =
          channel.map(
              file.writable() ? MapMode.READ_WRITE : MapMode.READ_ONLY, 0, file.sizeBytes(), arena);
    }
  }

  @Override
  void read(int lengthBytes, long position) {
    MemorySegment.copy(mapping, position, buffer(0), 0, lengthBytes);
  }

  @Override
  void write(int lengthBytes, long position) {
    MemorySegment.copy(buffer(0), 0, mapping, position, lengthBytes);
  }

  @Override
  void flush() {
    mapping.force();
  }

  @Override
  public void close() throws IOException {
    arena.close();
    super.close();
  }
}
