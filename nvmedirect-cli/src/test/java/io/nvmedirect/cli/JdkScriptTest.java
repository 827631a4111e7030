package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How scripts/jdk.sh chooses a JDK, with directories that look like JDKs. */
final class JdkScriptTest {

  private static final Path SCRIPT = Path.of("../scripts/jdk.sh").toAbsolutePath().normalize();

  @TempDir Path directory;

  private Path home;

  @BeforeEach
  void makeHome() throws IOException {
    home = Files.createDirectories(directory.resolve("home"));
    jdk(home.resolve(".jdks/jdk-98"), "98.0.1");
    jdk(home.resolve(".jdks/jdk-99"), "99");
  }

  @Test
  void find_javaHomeTooOld_takesTheNewest() throws Exception {
    Path old = jdk(directory.resolve("old"), "17.0.15");
    assertThat(find(old.toString(), "/usr/bin:/bin")).isEqualTo(home.resolve(".jdks/jdk-99") + "");
  }

  @Test
  void find_javaHomeUnset_takesTheNewest() throws Exception {
    assertThat(find(null, "/usr/bin:/bin")).isEqualTo(home.resolve(".jdks/jdk-99") + "");
  }

  @Test
  void find_javaHomeGood_keepsIt() throws Exception {
    Path good = jdk(directory.resolve("good 26"), "26-ea");
    assertThat(find(good.toString(), "/usr/bin:/bin")).isEqualTo(good.toString());
  }

  @Test
  void find_javaHomeIsJre_isNotTaken() throws Exception {
    Path jre = jdk(directory.resolve("jre"), "26.0.1");
    Files.delete(jre.resolve("bin/javac"));
    assertThat(find(jre.toString(), "/usr/bin:/bin")).isEqualTo(home.resolve(".jdks/jdk-99") + "");
  }

  @Test
  void find_javaHomeIsNothing_isNotTaken() throws Exception {
    assertThat(find(directory.resolve("none").toString(), "/usr/bin:/bin"))
        .isEqualTo(home.resolve(".jdks/jdk-99") + "");
  }

  @Test
  void find_javacOnPath_comesBeforeTheDirectories() throws Exception {
    Path good = jdk(directory.resolve("on-path"), "25.0.3");
    Path bin = Files.createDirectories(directory.resolve("bin"));
    Files.createSymbolicLink(bin.resolve("javac"), good.resolve("bin/javac"));
    assertThat(find(null, bin + ":/usr/bin:/bin")).isEqualTo(good.toString());
  }

  @Test
  void find_none_saysWhatToDo() throws Exception {
    Run run = sh("unset JAVA_HOME; jdk_good() { return 1; }; jdk_find", null, "/usr/bin:/bin");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.output()).contains("no JDK 25 or newer", "JAVA_HOME");
  }

  @Test
  void needCommand_present() throws Exception {
    assertThat(sh("need_command sh dash", null, "/usr/bin:/bin").status()).isZero();
  }

  private String find(@Nullable String javaHome, String path) throws Exception {
    Run run = sh("printf %s \"$JAVA_HOME\"", javaHome, path);
    assertThat(run.status()).as(run.output()).isZero();
    return run.output();
  }

  private record Run(int status, String output) {}

  private Run sh(String command, @Nullable String javaHome, String path) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder("sh", "-euc", ". '%s'; %s".formatted(SCRIPT, command))
            .redirectErrorStream(true);
    builder.environment().remove("JAVA_HOME");
    if (javaHome != null) {
      builder.environment().put("JAVA_HOME", javaHome);
    }
    builder.environment().put("PATH", path);
    builder.environment().put("HOME", home.toString());
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    return new Run(process.exitValue(), output);
  }

  private static Path jdk(Path where, String version) throws IOException {
    Files.createDirectories(where.resolve("bin"));
    Path javac = Files.writeString(where.resolve("bin/javac"), "#!/bin/sh\n");
    assertThat(javac.toFile().setExecutable(true)).isTrue();
    Files.writeString(
        where.resolve("release"),
        "IMPLEMENTOR=\"none\"\nJAVA_VERSION=\"%s\"\nOS_ARCH=\"x\"\n".formatted(version));
    return where;
  }
}
