package io.nvmedirect;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Imports point down only; packages of one row do not know each other. */
class LayersTest {

  /** From the bottom; "" is the root package. */
  private static final List<List<String>> ROWS =
      List.of(
          List.of("concurrent"),
          List.of("spec", "linux"),
          List.of("memory", "sysfs", "vfiouser"),
          List.of("transport"),
          List.of("queue"),
          List.of("emulator", "pcie", "tcp", "uring"),
          List.of("driver"),
          List.of("cache", "address"),
          List.of(""),
          List.of("serve"),
          List.of("compat"));

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("io.nvmedirect");

  private static String name(String simple) {
    return simple.isEmpty() ? "io.nvmedirect" : "io.nvmedirect." + simple;
  }

  @Test
  void imports_pointDown() {
    for (int row = 0; row < ROWS.size(); row++) {
      for (String simple : ROWS.get(row)) {
        List<String> forbidden = new ArrayList<>();
        ROWS.get(row).stream().filter(s -> !s.equals(simple)).forEach(s -> forbidden.add(name(s)));
        ROWS.subList(row + 1, ROWS.size())
            .forEach(above -> above.forEach(s -> forbidden.add(name(s))));
        noClasses()
            .that()
            .resideInAPackage(name(simple))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(forbidden.toArray(String[]::new))
            .allowEmptyShould(true)
            .check(CLASSES);
      }
    }
  }

  @Test
  void driverKnowsTransports_byTheSeamOnly() {
    noClasses()
        .that()
        .resideInAPackage("io.nvmedirect.driver")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.nvmedirect.queue",
            "io.nvmedirect.emulator",
            "io.nvmedirect.pcie",
            "io.nvmedirect.tcp",
            "io.nvmedirect.uring")
        .check(CLASSES);
  }

  /**
   * A lock that is held during I/O is an {@link io.nvmedirect.transport.IoLock}. What is listed here has
   * locks of its own, which nobody holds while waiting for a device.
   */
  @Test
  void locks_areHeldDuringIo_onlyIfThreadsThatReapCanWaitForThem() {
    noClasses()
        .that()
        .resideInAnyPackage("io.nvmedirect", "io.nvmedirect.cache")
        .and()
        .doNotHaveFullyQualifiedName("io.nvmedirect.LeaderFollowers")
        .and()
        .haveNameNotMatching("io\\.nvmedirect\\.WriteBehind.*")
        .should()
        .dependOnClassesThat(
            JavaClass.Predicates.resideInAPackage("java.util.concurrent.locks")
                .and(DescribedPredicate.not(JavaClass.Predicates.type(LockSupport.class)))
                .or(JavaClass.Predicates.type(Semaphore.class)))
        .check(CLASSES);
  }

  /** A test owns time: what waits or looks at a clock does so by an {@link io.nvmedirect.concurrent.Clock}. */
  @Test
  void time_isTheClocks() {
    noClasses()
        .that()
        .resideOutsideOfPackage("io.nvmedirect.concurrent")
        .should()
        .callMethodWhere(
            DescribedPredicate.describe(
                "reads or passes time without a clock",
                call -> {
                  JavaClass owner = call.getTargetOwner();
                  String name = call.getName();
                  return owner.isEquivalentTo(LockSupport.class)
                      || (owner.isEquivalentTo(System.class)
                          && (name.equals("nanoTime") || name.equals("currentTimeMillis")))
                      || (owner.isEquivalentTo(Thread.class)
                          && (name.equals("sleep")
                              || name.equals("yield")
                              || name.equals("onSpinWait")));
                }))
        .check(CLASSES);
  }

  /** Loggers of applications throw, for want of memory or of a descriptor, where that is to be told. */
  @Test
  void loggers_areThoseThatNeverThrow() {
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("io.nvmedirect.linux.SafeLogger")
        .should()
        .callMethod(System.class, "getLogger", String.class)
        .check(CLASSES);
  }

  @Test
  void everyPackage_hasItsRow() {
    TreeSet<String> found =
        CLASSES.stream()
            .map(c -> c.getPackageName())
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(found).isNotEmpty();
    assertThat(ROWS.stream().flatMap(List::stream).map(LayersTest::name).toList())
        .containsAll(found);
  }
}
