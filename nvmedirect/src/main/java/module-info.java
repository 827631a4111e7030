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
  // A device of its own and its time.
  exports io.nvmedirect.address to
      io.nvmedirect.testing;
  exports io.nvmedirect.concurrent to
      io.nvmedirect.testing;
  exports io.nvmedirect.emulator to
      io.nvmedirect.testing;
  exports io.nvmedirect.queue to
      io.nvmedirect.testing;
  exports io.nvmedirect.transport to
      io.nvmedirect.testing;
}
