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
 */
public record DeviceOptions(
    int namespace,
    Duration commandTimeout,
    int cachePages,
    boolean lazyCache,
    QueueWeights queueWeights) {

  /** 64 MiB. */
  private static final int DEFAULT_CACHE_PAGES = 16384;

  private static final Duration SHORTEST = Duration.ofMillis(10);
  private static final Duration LONGEST = Duration.ofHours(24);
  private static final DeviceOptions DEFAULTS =
      new DeviceOptions(0, Duration.ofSeconds(30), DEFAULT_CACHE_PAGES, true, QueueWeights.DEFAULT);

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
    return new DeviceOptions(namespace, commandTimeout, cachePages, lazyCache, queueWeights);
  }

  public DeviceOptions withCommandTimeout(Duration commandTimeout) {
    return new DeviceOptions(namespace, commandTimeout, cachePages, lazyCache, queueWeights);
  }

  public DeviceOptions withCachePages(int cachePages) {
    return new DeviceOptions(namespace, commandTimeout, cachePages, lazyCache, queueWeights);
  }

  /** Buffered handles then do unbuffered I/O of any alignment. */
  public DeviceOptions withoutCache() {
    return withCachePages(0);
  }

  public DeviceOptions withLazyCache(boolean lazyCache) {
    return new DeviceOptions(namespace, commandTimeout, cachePages, lazyCache, queueWeights);
  }

  public DeviceOptions withQueueWeights(QueueWeights queueWeights) {
    return new DeviceOptions(namespace, commandTimeout, cachePages, lazyCache, queueWeights);
  }
}
