package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.CompletionHandler;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** {@code AsynchronousFileChannel}: on Linux a pool of threads that call pread and pwrite. */
final class AsyncChannelIo extends HandedIo {

  private final ExecutorService threads;
  private final AsynchronousFileChannel channel;
  private final CompletionHandler<Integer, Integer> handler =
      new CompletionHandler<>() {
        @Override
        public void completed(Integer transferred, Integer slot) {
          ended(slot, transferred, null);
        }

        @Override
        public void failed(Throwable reason, Integer slot) {
          ended(slot, 0, reason);
        }
      };

  /** With a thread for each I/O in flight, for with fewer there were fewer in flight. */
  AsyncChannelIo(BlockFile file, int depth, int blockBytes, Listener listener) throws IOException {
    super(depth, blockBytes, listener);
    this.threads = Executors.newFixedThreadPool(depth);
    this.channel = AsynchronousFileChannel.open(file.path(), Set.copyOf(file.optionSet()), threads);
  }

  @Override
  public boolean read(int slot, int lengthBytes, long position) {
    began(slot, lengthBytes, position);
    channel.read(view(slot, lengthBytes), position, slot, handler);
    return true;
  }

  @Override
  public boolean write(int slot, int lengthBytes, long position) {
    began(slot, lengthBytes, position);
    channel.write(view(slot, lengthBytes), position, slot, handler);
    return true;
  }

  @Override
  public boolean flush(int slot) throws IOException {
    began(slot, 0, 0);
    channel.force(false);
    ended(slot, 0, null);
    return true;
  }

  @Override
  public void close() throws IOException {
    channel.close();
    threads.close();
    super.close();
  }
}
