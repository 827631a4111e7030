package io.nvmedirect.vmtest;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What runs in the guests, in this order, in each all in one JVM. */
public final class GuestPlan {

  /** Random operations of a test that has many of them: the CPU is emulated. */
  private static final String OPERATIONS = "200";

  /** Not for the API suite: for tests that hand a device to the kernel, or too slow. */
  private static final Set<GuestDevice> RESERVED =
      EnumSet.of(GuestDevice.SHARED_A, GuestDevice.SHARED_B, GuestDevice.SLOW);

  /** Tested in the same machine as what is not of the API, which takes about as long as the other devices. */
  private static final Set<GuestDevice> FIRST =
      EnumSet.of(GuestDevice.TWO_NAMESPACES, GuestDevice.CONTROLLER_MEMORY);

  private GuestPlan() {}

  /** The launches by machine: each has one CPU, so that two of them keep a host with two busy. */
  public static List<List<Launch>> parts() {
    Map<Boolean, List<Launch>> first =
        launches().stream().collect(Collectors.partitioningBy(GuestPlan::isFirst));
    return List.of(first.getOrDefault(true, List.of()), first.getOrDefault(false, List.of()));
  }

  private static boolean isFirst(Launch launch) {
    return !launch.concurrent()
        || FIRST.stream().anyMatch(device -> device.name().equals(launch.name()));
  }

  public static List<Launch> launches() {
    List<Launch> launches = new ArrayList<>();
    launches.add(
        new Launch("machine", List.of("package:io.nvmedirect.vmtest.guest"), "", Map.of(), false));
    // Tests of the library that need a machine of their own: huge pages are the whole machine's.
    launches.add(new Launch("library", List.of("package:io.nvmedirect"), "vm", Map.of(), false));
    for (GuestDevice device : EnumSet.complementOf(EnumSet.copyOf(RESERVED))) {
      launches.add(apiSuite(device));
    }
    return launches;
  }

  /** The tests of the API that need no fault injection, over each namespace of a device. */
  private static Launch apiSuite(GuestDevice device) {
    int namespaces = device.namespaces().size();
    String addresses =
        namespaces == 1
            ? device.address()
            : IntStream.rangeClosed(1, namespaces)
                .mapToObj(i -> device.address() + "/ns" + i)
                .collect(Collectors.joining(";"));
    return new Launch(
        device.name(),
        List.of("package:io.nvmedirect"),
        "api & !emulator",
        Map.of("nvmedirect.addresses", addresses, "nvmedirect.operations", OPERATIONS),
        true);
  }
}
