package io.nvmedirect.compat;

import io.nvmedirect.DeviceOptions;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** An open device. Any thread may use it. */
public final class NVMED {

  private static final int OPEN_FLAGS = LibNvmed.NVMED_NO_CACHE | LibNvmed.NVMED_CACHE_LAZY_INIT;

  private final NvmeDevice device;
  private volatile boolean closed;

  NVMED(NvmeDevice device) {
    this.device = device;
  }

  static NVMED open(@Nullable String path, int flags) throws IOException {
    if (path == null) {
      throw new NvmeException("the path of the device is null");
    }
    LibNvmed.checkFlags(flags, OPEN_FLAGS);
    DeviceOptions options =
        DeviceOptions.defaults().withLazyCache((flags & LibNvmed.NVMED_CACHE_LAZY_INIT) != 0);
    if ((flags & LibNvmed.NVMED_NO_CACHE) != 0) {
      options = options.withoutCache();
    }
    return new NVMED(NvmeDevice.open(path, options));
  }

  /** The device, if it is not closed. */
  static NvmeDevice live(@Nullable NVMED nvmed) throws NvmeException {
    if (nvmed == null) {
      throw new NvmeException("the device is null");
    }
    if (nvmed.closed) {
      throw new NvmeException("the device is closed: " + nvmed.device.address());
    }
    return nvmed.device;
  }

  /** Closes the device; false if it was closed before. */
  synchronized boolean close() throws IOException {
    if (closed) {
      return false;
    }
    try {
      device.close();
    } finally {
      closed = device.isClosed();
    }
    return true;
  }

  static int feature(NvmeDevice device, int feature) {
    return switch (feature) {
      case LibNvmed.NVMED_CACHE_SIZE -> device.cachePages();
      case LibNvmed.NVMED_CACHE_LAZY_INIT -> device.isCacheLazy() ? 1 : 0;
      default -> 0;
    };
  }

  static void feature(NvmeDevice device, int feature, int value) throws IOException {
    switch (feature) {
      case LibNvmed.NVMED_CACHE_SIZE -> device.resizeCache(value);
      case LibNvmed.NVMED_CACHE_LAZY_INIT -> device.setCacheLazy(value != 0);
      default -> throw new IllegalArgumentException("there is no such device feature: " + feature);
    }
  }
}
