package io.nvmedirect.cache;

import static io.nvmedirect.cache.PageDirectory.NONE;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes frames free: the page used longest ago goes, written back first if it is dirty. A page that
 * cannot be written back stays, dirty, and counts as used just now, so that it is not tried again at
 * once. Owned by the holder of the cache's lock, but for the count of errors.
 */
final class Evictor {

  private final PageDirectory directory;
  private final FrameMemory memory;
  private final WriteBack writeBack;

  /** Written by the lock's holder, read by anyone. */
  private final AtomicLong errors = new AtomicLong();

  Evictor(PageDirectory directory, FrameMemory memory, WriteBack writeBack) {
    this.directory = directory;
    this.memory = memory;
    this.writeBack = writeBack;
  }

  /** Write-backs that failed. */
  long errors() {
    return errors.get();
  }

  /**
   * Gives a frame with memory to a page that is not cached, with no sector valid.
   *
   * @throws IOException if no page can be freed or no memory allocated; nothing is lost then
   */
  int take(Store store, long page) throws IOException {
    if (directory.nextFree() == NONE) {
      evict(store);
    }
    memory.ready(directory.nextFree(), directory.capacity());
    return directory.insert(page);
  }

  /** Evicts until no more pages are cached, or until none can be written back any more. */
  void shrink(Store store, int pages) {
    try {
      while (directory.cachedPages() > pages) {
        evict(store);
      }
    } catch (IOException e) {
      // Counted as errors; the caller sees by the number of pages that it did not come to an end.
    }
  }

  private void evict(Store store) throws IOException {
    IOException error = null;
    for (int tries = directory.cachedPages(); tries > 0; tries--) {
      int frame = directory.leastRecentlyUsed();
      try {
        writeBack.writePage(store, frame);
        directory.remove(frame);
        return;
      } catch (IOException e) {
        errors.setRelease(errors.getPlain() + 1);
        directory.touch(frame);
        error = WriteBack.combine(error, e);
      }
    }
    throw new IOException(
        "no page of the cache can be freed: all are dirty and cannot be written back, cachedPages="
            + directory.cachedPages(),
        error);
  }
}
