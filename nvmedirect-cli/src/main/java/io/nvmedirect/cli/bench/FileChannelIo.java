package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.channels.FileChannel;

/** {@code FileChannel}: pread, pwrite and fdatasync by the JDK. */
final class FileChannelIo extends BlockingIo {

  private final FileChannel channel;

  FileChannelIo(BlockFile file, int blockBytes, Listener listener) throws IOException {
    super(blockBytes, listener);
    this.channel = FileChannel.open(file.path(), file.options());
  }

  @Override
  void read(int lengthBytes, long position) throws IOException {
    requireWhole(lengthBytes, channel.read(view(0, lengthBytes), position), position);
  }

  @Override
  void write(int lengthBytes, long position) throws IOException {
    requireWhole(lengthBytes, channel.write(view(0, lengthBytes), position), position);
  }

  @Override
  void flush() throws IOException {
    channel.force(false);
  }

  @Override
  public void close() throws IOException {
    channel.close();
    super.close();
  }
}
