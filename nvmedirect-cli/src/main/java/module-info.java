/** The command line: one class a verb. */
module io.nvmedirect.cli {
  requires com.fasterxml.jackson.databind;
  requires info.picocli;
  requires io.nvmedirect;
  requires io.nvmedirect.testing;
  requires java.management;
  requires jdk.management;
  requires jdk.unsupported;
  requires HdrHistogram;
  requires jasyncfio;
  requires org.apache.commons.rng.sampling;
  requires org.apache.commons.rng.api;
  requires static org.jspecify;

  opens io.nvmedirect.cli to
      info.picocli;
}
