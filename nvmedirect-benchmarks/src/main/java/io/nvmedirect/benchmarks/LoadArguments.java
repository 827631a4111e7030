package io.nvmedirect.benchmarks;

import java.util.List;

/**
 * What the load programs take: addresses, and {@code --smoke}, which shortens everything to what shows
 * that the program works.
 */
record LoadArguments(boolean smoke, List<String> addresses) {

  private static final String SMOKE = "--smoke";

  static LoadArguments parse(String[] args, String... defaults) {
    List<String> given = List.of(args).stream().filter(a -> !a.equals(SMOKE)).toList();
    for (String address : given) {
      if (address.startsWith("-")) {
        throw new IllegalArgumentException(
            "unknown option %s: expected addresses and %s".formatted(address, SMOKE));
      }
    }
    return new LoadArguments(
        List.of(args).contains(SMOKE), given.isEmpty() ? List.of(defaults) : given);
  }
}
