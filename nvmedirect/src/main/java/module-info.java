/** A user-space NVMe I/O framework: queue pairs, DMA memory and an embedded controller. */
module io.nvmedirect {
  requires static org.jspecify;

  exports io.nvmedirect;
  exports io.nvmedirect.compat;
  exports io.nvmedirect.memory;
  exports io.nvmedirect.serve;
  exports io.nvmedirect.spec;
  exports io.nvmedirect.sysfs to
      io.nvmedirect.cli;
}
