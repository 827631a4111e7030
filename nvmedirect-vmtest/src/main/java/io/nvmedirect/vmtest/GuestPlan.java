package io.nvmedirect.vmtest;

import java.util.List;
import java.util.Map;

/** What runs in the guest, in this order, all in one JVM. */
public final class GuestPlan {

  private GuestPlan() {}

  public static List<Launch> launches() {
    return List.of(
        new Launch("machine", List.of("package:io.nvmedirect.vmtest"), Map.of(), false),
        new Launch("mem", List.of("package:io.nvmedirect.compat"), Map.of(), false));
  }
}
