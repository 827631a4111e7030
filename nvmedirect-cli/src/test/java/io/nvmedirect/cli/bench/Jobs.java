package io.nvmedirect.cli.bench;

/** Makes jobs of lines such as {@code rw=randread}. */
final class Jobs {

  private Jobs() {}

  /** On memory, unless the lines say otherwise. */
  static Job of(String... lines) {
    JobOptions options = new JobOptions();
    options.set("filename", "mem:1MiB");
    for (String line : lines) {
      String[] parts = line.split("=", 2);
      options.set(parts[0], parts.length == 1 ? "" : parts[1]);
    }
    return options.build();
  }
}
