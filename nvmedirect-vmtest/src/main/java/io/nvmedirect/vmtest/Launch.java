package io.nvmedirect.vmtest;

import java.util.List;
import java.util.Map;

/**
 * One execution of JUnit in the guest.
 *
 * @param name tells its results from those of the same tests in other launches
 * @param selectors what is run, in JUnit's notation: {@code package:io.nvmedirect.compat} or {@code class:…}
 * @param tags which of them, as an expression of JUnit's: {@code api & !emulator}; empty for all
 * @param parameters configuration parameters of JUnit
 * @param concurrent whether it runs at the same time as the launches beside it that say so too
 */
public record Launch(
    String name,
    List<String> selectors,
    String tags,
    Map<String, String> parameters,
    boolean concurrent) {

  public Launch {
    selectors = List.copyOf(selectors);
    parameters = Map.copyOf(parameters);
  }
}
