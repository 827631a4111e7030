package io.nvmedirect.vmtest.runner;

import java.util.List;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.PostDiscoveryFilter;

/** Lets through the tests that a user named: {@code Class}, {@code package.Class} or one with {@code #method}. */
final class TestNameFilter implements PostDiscoveryFilter {

  private final List<String> names;

  /** Without names, everything gets through. */
  TestNameFilter(List<String> names) {
    this.names = List.copyOf(names);
  }

  @Override
  public FilterResult apply(TestDescriptor test) {
    TestSource source = test.getSource().orElse(null);
    return FilterResult.includedIf(
        names.isEmpty()
            || names.stream()
                .anyMatch(name ->
                    switch (source) {
                      case MethodSource method ->
                          matches(name, method.getClassName(), method.getMethodName());
                      case ClassSource type -> matches(name, type.getClassName(), "");
                      case null, default -> false;
                    }));
  }

  /** Whether a name means this method of a class or of one nested in it; an empty method: the whole class. */
  static boolean matches(String name, String className, String method) {
    int hash = name.indexOf('#');
    String type = hash < 0 ? name : name.substring(0, hash);
    int dollar = className.indexOf('$');
    String outermost = dollar < 0 ? className : className.substring(0, dollar);
    return (outermost.equals(type) || outermost.endsWith("." + type))
        && (hash < 0 || name.substring(hash + 1).equals(method));
  }
}
