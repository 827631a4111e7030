package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import one.jasyncfio.AsyncFile;
import one.jasyncfio.EventExecutor;
import one.jasyncfio.OpenOption;

/** io_uring by jasyncfio: a ring with a thread, which completes futures. */
final class UringIo extends HandedIo {

  /** The library hangs when its ring is full, and has entries of its own in it. */
  private static final int LEAST_ENTRIES = 256;

  private final EventExecutor executor;
  private final AsyncFile file;
  private final boolean direct;
  private final ByteBuffer[][] vectors;

  UringIo(BlockFile file, int depth, int blockBytes, Listener listener) throws IOException {
    super(depth, blockBytes, listener);
    this.direct = file.direct();
    this.vectors = new ByteBuffer[depth][1];
    int entries = Math.max(LEAST_ENTRIES, 4 * Integer.highestOneBit(depth));
    this.executor = EventExecutor.builder().entries(entries).build();
    List<OpenOption> options = new ArrayList<>();
    options.add(file.writable() ? OpenOption.READ_WRITE : OpenOption.READ_ONLY);
    if (file.direct()) {
      options.add(OpenOption.DIRECT);
    }
    this.file = get(AsyncFile.open(file.path(), executor, options.toArray(OpenOption[]::new)));
  }

  private static <T> T get(CompletableFuture<T> future) throws IOException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /**
   * A slot's buffer for readv and writev. The library gives reads and writes with O_DIRECT to a ring that polls the
   * device, which fails with EOPNOTSUPP unless the kernel's driver has queues for that; these it does not.
   */
  private ByteBuffer[] vector(int slot, int lengthBytes) {
    vectors[slot][0] = view(slot, lengthBytes);
    return vectors[slot];
  }

  /** The library's futures have no type argument. */
  @SuppressWarnings("unchecked")
  private void hand(int slot, CompletableFuture<?> future) {
    CompletableFuture<Integer> _ =
        ((CompletableFuture<Integer>) future)
            .whenComplete(
                (transferred, reason) -> ended(slot, reason == null ? transferred : 0, reason));
  }

  @Override
  public boolean read(int slot, int lengthBytes, long position) {
    began(slot, lengthBytes, position);
    hand(
        slot,
        direct
            ? file.read(vector(slot, lengthBytes), position, 1)
            : file.read(view(slot, lengthBytes), position, lengthBytes));
    return true;
  }

  @Override
  public boolean write(int slot, int lengthBytes, long position) {
    began(slot, lengthBytes, position);
    hand(
        slot,
        direct
            ? file.write(vector(slot, lengthBytes), position, 1)
            : file.write(view(slot, lengthBytes), position, lengthBytes));
    return true;
  }

  @Override
  public boolean flush(int slot) {
    began(slot, 0, 0);
    hand(slot, file.dataSync());
    return true;
  }

  @Override
  public void close() throws IOException {
    try {
      get(file.close());
      executor.close();
    } catch (IOException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    } finally {
      super.close();
    }
  }
}
