package io.nvmedirect;

import io.nvmedirect.spec.QueueWeights;
import java.time.Duration;

/**
 * How a device is opened.
 *
 * @param namespace namespace identifier, from 1; 0 is the first active one
 * @param commandTimeout how long a command may take before it is aborted; at least 10 ms
 * @param cachePages pages of 4096 bytes that the block cache of buffered handles may hold; 0 for none
 * @param lazyCache whether the cache allocates its memory when it is first needed, and not at once
 * @param queueWeights how the queues of each {@link QueuePriority} share a controller that has them
 * @param readOnly whether nothing will be changed: then what would change data fails, and the device may be in use
 */
public record DeviceOptions(
    int namespace,
    Duration commandTimeout,
    int cachePages,
    boolean lazyCache,
    QueueWeights queueWeights,
    boolean readOnly) {

  /** 64 MiB. */
  private static final int DEFAULT_CACHE_PAGES = 16384;

  private static final Duration SHORTEST = Duration.ofMillis(10);
  private static final Duration LONGEST = Duration.ofHours(24);
  private static final DeviceOptions DEFAULTS =
      new DeviceOptions(
          0, Duration.ofSeconds(30), DEFAULT_CACHE_PAGES, true, QueueWeights.DEFAULT, false);

  public DeviceOptions {
    if (namespace < 0) {
      throw new IllegalArgumentException("a namespace is 1 or more, or 0: namespace=" + namespace);
    }
    if (commandTimeout.compareTo(SHORTEST) < 0 || commandTimeout.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "a timeout is 10 ms to 24 h: commandTimeout=" + commandTimeout);
    }
    if (cachePages < 0) {
      throw new IllegalArgumentException("a cache has 0 pages or more: cachePages=" + cachePages);
    }
  }

  /** The first active namespace, 30 seconds, and a cache of 64 MiB that grows as it is needed. */
  public static DeviceOptions defaults() {
    return DEFAULTS;
  }

  public DeviceOptions withNamespace(int namespace) {
    return new DeviceOptions(
        namespace, commandTimeout, cachePages, lazyCache, queueWeights, readOnly);
  }

  public DeviceOptions withCommandTimeout(Duration commandTimeout) {
    return new DeviceOptions(
        namespace, commandTimeout, cachePages, lazyCache, queueWeights, readOnly);
  }

  public DeviceOptions withCachePages(int cachePages) {
    return new DeviceOptions(
        namespace, commandTimeout, cachePages, lazyCache, queueWeights, readOnly);
  }

  /** Buffered handles then do unbuffered I/O of any alignment. */
  public DeviceOptions withoutCache() {
    return withCachePages(0);
  }

  public DeviceOptions withLazyCache(boolean lazyCache) {
    return new DeviceOptions(
        namespace, commandTimeout, cachePages, lazyCache, queueWeights, readOnly);
  }

  public DeviceOptions withQueueWeights(QueueWeights queueWeights) {
    return new DeviceOptions(
        namespace, commandTimeout, cachePages, lazyCache, queueWeights, readOnly);
  }

  /**
   * For reading only. A file needs no permission to write then and is not created, a disk may be mounted or otherwise
   * in use, and what would change data fails with "Namespace is Write Protected" before the device sees it.
   *
   * <p>Without this, opening a file or block device that is in use fails, and nobody else can mount it or open it to
   * write while it is open.
   */
  public DeviceOptions withReadOnly(boolean readOnly) {
    return new DeviceOptions(
        namespace, commandTimeout, cachePages, lazyCache, queueWeights, readOnly);
  }
}
