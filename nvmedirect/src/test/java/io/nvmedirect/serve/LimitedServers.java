package io.nvmedirect.serve;

import io.nvmedirect.linux.Errno;
import java.io.IOException;

/** Servers that take few mappings of a client, as those of others do. */
public final class LimitedServers {

  private LimitedServers() {}

  /**
   * Opens a server whose clients have a number of DMA mappings at most and learn that only from a refusal,
   * as with libvfio-user.
   */
  public static NvmeServer open(String device, int mappings) throws IOException {
    return NvmeServer.open(
        device, ServeOptions.defaults(), new RegionLimit(mappings, false, Errno.EINVAL));
  }
}
