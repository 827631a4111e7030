/** Simulation of the library with a device that fails, in virtual time. */
module io.nvmedirect.testing {
  requires io.nvmedirect;
  requires static org.jspecify;

  exports io.nvmedirect.testing;
}
