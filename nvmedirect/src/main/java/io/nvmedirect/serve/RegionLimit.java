package io.nvmedirect.serve;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.vfiouser.Capabilities;

/**
 * How many regions of memory a client can have mapped at a time.
 *
 * @param regions at least 1
 * @param announced whether clients are told beforehand (max_dma_maps)
 * @param errno of the refusal of one more
 */
record RegionLimit(int regions, boolean announced, int errno) {

  /**
   * Each is a mapping, of which the kernel gives a process 65530 that the whole JVM has to live with, and a
   * descriptor.
   */
  static final RegionLimit DEFAULT = new RegionLimit(1024, true, Errno.ENOSPC);

  /** What clients are told. */
  int told() {
    return announced ? regions : Capabilities.DEFAULTS.mostMappings();
  }
}
