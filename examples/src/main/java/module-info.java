/** Small programs, each to be read and changed. */
module io.nvmedirect.examples {
  requires io.nvmedirect;
  requires static org.jspecify;
}
