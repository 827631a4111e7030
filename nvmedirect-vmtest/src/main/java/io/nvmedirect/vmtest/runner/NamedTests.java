package io.nvmedirect.vmtest.runner;

import io.nvmedirect.vmtest.GuestPlan;
import io.nvmedirect.vmtest.Launch;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Where the tests that a user named are in the plan. Looking through all packages for each launch would take a
 * minute on an emulated CPU; a class is looked at by itself.
 */
final class NamedTests {

  private static final String EVERYTHING = "package:io.nvmedirect";

  private NamedTests() {}

  /**
   * The launches that have some of the tests, narrowed down to these; classes that are in none get their own.
   *
   * @param names {@code Class}, {@code package.Class} or one with {@code #method}
   * @param hasTests whether a launch has any test at all
   */
  static List<Launch> launches(List<String> names, Predicate<Launch> hasTests) {
    Set<String> classes = new LinkedHashSet<>();
    for (String name : names) {
      classes.addAll(classes(name));
    }
    List<Launch> chosen = new ArrayList<>();
    Set<String> left = new LinkedHashSet<>(classes);
    // Which tests a class has under some tags is the same for each device.
    Map<List<String>, Boolean> known = new HashMap<>();
    for (Launch launch : GuestPlan.launches()) {
      List<String> inside =
          classes.stream()
              .filter(type -> isClass(type) && covers(launch, type))
              .filter(type ->
                  known.computeIfAbsent(
                      List.of(launch.tags(), type),
                      key -> hasTests.test(narrowed(launch, List.of(type)))))
              .toList();
      if (!inside.isEmpty()) {
        chosen.add(narrowed(launch, inside));
        left.removeAll(inside);
      }
    }
    if (!left.isEmpty()) {
      chosen.add(new Launch("chosen", selectors(left), "", Map.of(), false));
    }
    return chosen;
  }

  private static Launch narrowed(Launch launch, List<String> classes) {
    return new Launch(
        launch.name(), selectors(classes), launch.tags(), launch.parameters(), launch.concurrent());
  }

  private static List<String> selectors(Collection<String> classes) {
    return classes.stream().map(name -> "class:" + name).toList();
  }

  private static boolean covers(Launch launch, String className) {
    return launch.selectors().stream()
        .anyMatch(selector ->
            selector.equals("class:" + className)
                || (selector.startsWith("package:")
                    && className.startsWith(selector.substring("package:".length()) + ".")));
  }

  /** The classes that a name means; itself if there is none, so that running it says so. */
  private static Set<String> classes(String name) {
    int hash = name.indexOf('#');
    String type = hash < 0 ? name : name.substring(0, hash);
    Set<String> found = isClass(type) ? Set.of(type) : search(name);
    return found.isEmpty() ? Set.of(type) : found;
  }

  private static boolean isClass(String name) {
    try {
      Class.forName(name, false, NamedTests.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  private static Set<String> search(String name) {
    TestPlan plan =
        LauncherFactory.create()
            .discover(
                LauncherDiscoveryRequestBuilder.request()
                    .selectors(DiscoverySelectors.parse(EVERYTHING).orElseThrow())
                    .filters(new TestNameFilter(List.of(name)))
                    .build());
    return classes(plan);
  }

  /** Selectors of the classes that have the tests of a plan, in its order. */
  static List<String> selectors(TestPlan plan) {
    return selectors(classes(plan));
  }

  private static Set<String> classes(TestPlan plan) {
    Set<String> classes = new LinkedHashSet<>();
    for (TestIdentifier root : plan.getRoots()) {
      for (TestIdentifier test : plan.getDescendants(root)) {
        if (test.getSource().orElse(null) instanceof ClassSource source) {
          classes.add(outermost(source.getClassName()));
        }
      }
    }
    return classes;
  }

  private static String outermost(String className) {
    int dollar = className.indexOf('$');
    return dollar < 0 ? className : className.substring(0, dollar);
  }
}
