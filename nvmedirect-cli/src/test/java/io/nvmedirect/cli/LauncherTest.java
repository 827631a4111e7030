package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** When ./nvmed builds and what it runs, with a Maven and a JVM that only write down their arguments. */
@Timeout(300)
final class LauncherTest {

  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @TempDir Path directory;

  private Path project;
  private Path source;

  @BeforeEach
  void makeProject() throws IOException {
    project = Files.createDirectories(directory.resolve("a project"));
    copy("nvmed");
    copy("scripts/jdk.sh");
    for (String file :
        List.of(
            "pom.xml",
            "nvmedirect/pom.xml",
            "nvmedirect-testing/pom.xml",
            "nvmedirect-cli/pom.xml",
            "nvmedirect/src/main/A.java",
            "nvmedirect-testing/src/main/C.java",
            "nvmedirect-cli/src/main/B.java")) {
      Files.createDirectories(project.resolve(file).getParent());
      Files.writeString(project.resolve(file), "");
    }
    source = project.resolve("nvmedirect/src/main/A.java");
    script("jdk/bin/javac", "");
    script(
        "jdk/bin/java",
        """
        case $* in
          *.StackMaps*) echo stack maps >>'%1$s/prepared' ;;
          *.Training*)
            echo training >>'%1$s/prepared'
            [ -e '%1$s/untrainable' ] || echo classes >"${1#*=}" ;;
          *) printf 'run:%%s\\n' "$@" ;;
        esac
        """
            .formatted(directory));
    Files.writeString(directory.resolve("jdk/release"), "JAVA_VERSION=\"25.0.1\"\n");
    script(
        "bin/mvn",
        """
        echo built >>'%1$s/builds'
        if [ -e '%1$s/broken' ]; then
          echo '[INFO] noise'
          echo '[ERROR] A.java is wrong'
          exit 1
        fi
        sleep 0.2
        mkdir -p nvmedirect-cli/target/modules
        echo jar 1 >nvmedirect-cli/target/modules/nvmedirect-cli-1.jar
        """
            .formatted(directory));
  }

  @Test
  void run_firstUse_buildsOnce() throws Exception {
    Run first = nvmed(directory, project.resolve("nvmed"), "info", "a b");
    assertThat(first.status()).as(first.err()).isZero();
    assertThat(first.err().lines()).singleElement().asString().startsWith("nvmed: building");
    assertThat(first.out())
        .contains("run:-p\nrun:" + project.resolve("nvmedirect-cli/target/modules"))
        .contains("run:--enable-native-access=io.nvmedirect\n")
        .endsWith("run:io.nvmedirect.cli/io.nvmedirect.cli.Main\nrun:info\nrun:a b\n");

    Run second = nvmed(Path.of("/"), project.resolve("nvmed"), "list");
    assertThat(second.err()).isEmpty();
    assertThat(second.out()).startsWith("run:-XX:AOTCache=").endsWith("run:list\n");
    assertThat(builds()).isEqualTo(1);
  }

  @Test
  void run_bench_withoutClassCache() throws Exception {
    nvmed(directory, project.resolve("nvmed"));
    assertThat(nvmed(directory, project.resolve("nvmed"), "bench").out()).doesNotContain("AOT");
  }

  /** A jar of other bytes gets a cache of its own, also if its size and time are the same. */
  @Test
  void run_otherJarOrJdk_getsAnotherClassCache() throws Exception {
    Path jar = project.resolve("nvmedirect-cli/target/modules/nvmedirect-cli-1.jar");
    Path release = directory.resolve("jdk/release");
    String first = cache();
    FileTime time = Files.getLastModifiedTime(jar);
    Files.writeString(jar, "jar 2");
    Files.setLastModifiedTime(jar, time);
    String second = cache();
    Files.writeString(release, "JAVA_VERSION=\"25.0.2\"\n");
    String third = cache();
    assertThat(List.of(first, second, third)).doesNotHaveDuplicates();
    assertThat(cache()).isEqualTo(third);
    assertThat(builds()).isEqualTo(1);
    assertThat(prepared())
        .containsExactly(
            "stack maps", "training", "stack maps", "training", "stack maps", "training");
    try (DirectoryStream<Path> left =
        Files.newDirectoryStream(project.resolve("nvmedirect-cli/target"), "*.aot*")) {
      assertThat(left).containsExactly(Path.of(third));
    }
  }

  @Test
  void run_classCacheCannotBeMade_isTriedOnce() throws Exception {
    Files.createFile(directory.resolve("untrainable"));
    for (int i = 0; i < 3; i++) {
      Run run = nvmed(directory, project.resolve("nvmed"), "list");
      assertThat(run.status()).isZero();
      assertThat(run.out()).startsWith("run:-Xshare:auto\n").endsWith("run:list\n");
    }
    assertThat(prepared()).containsExactly("stack maps", "training");
  }

  @Test
  void run_verbThatMovesData_isCompiledWell() throws Exception {
    assertThat(nvmed(directory, project.resolve("nvmed"), "list").out())
        .contains("TieredStopAtLevel=1");
    for (String verb : List.of("bench", "copy", "read", "write")) {
      assertThat(nvmed(directory, project.resolve("nvmed"), verb).out())
          .doesNotContain("TieredStopAtLevel");
    }
  }

  /** The class cache that a run uses. */
  private String cache() throws Exception {
    String option =
        nvmed(directory, project.resolve("nvmed"), "list").out().lines().findFirst().get();
    assertThat(option).startsWith("run:-XX:AOTCache=");
    return option.substring(option.indexOf('=') + 1);
  }

  private List<String> prepared() throws IOException {
    return Files.readAllLines(directory.resolve("prepared"));
  }

  @Test
  void run_throughSymbolicLink() throws Exception {
    Path link = Files.createSymbolicLink(directory.resolve("link"), project.resolve("nvmed"));
    assertThat(nvmed(Path.of("/"), link, "list").status()).isZero();
  }

  @Test
  void run_sourceChanged_buildsAgain() throws Exception {
    nvmed(directory, project.resolve("nvmed"));
    touch(source);
    assertThat(nvmed(directory, project.resolve("nvmed")).err()).contains("building");
    assertThat(builds()).isEqualTo(2);
  }

  @Test
  void run_twoAtOnce_buildOnce() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      processes.add(start(directory, project.resolve("nvmed"), "list"));
    }
    for (Process process : processes) {
      assertThat(finish(process).status()).isZero();
    }
    assertThat(builds()).isEqualTo(1);
  }

  @Test
  void run_buildFails_showsErrorsAndLog() throws Exception {
    Files.createFile(directory.resolve("broken"));
    Run run = nvmed(directory, project.resolve("nvmed"), "list");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.out()).isEmpty();
    assertThat(run.err())
        .contains("nvmed: A.java is wrong\n", "the build failed; log: " + project)
        .doesNotContain("noise");
    Files.delete(directory.resolve("broken"));
    assertThat(nvmed(directory, project.resolve("nvmed"), "list").status()).isZero();
  }

  private record Run(int status, String out, String err) {}

  private Run nvmed(Path where, Path script, String... arguments) throws Exception {
    return finish(start(where, script, arguments));
  }

  private Process start(Path where, Path script, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(script.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(where.toFile());
    builder.environment().put("JAVA_HOME", directory.resolve("jdk").toString());
    builder.environment().put("PATH", directory.resolve("bin") + ":/usr/bin:/bin");
    return builder.start();
  }

  private static Run finish(Process process) throws Exception {
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    return new Run(process.exitValue(), out, err);
  }

  private int builds() throws IOException {
    return Files.readAllLines(directory.resolve("builds")).size();
  }

  private void copy(String file) throws IOException {
    Files.createDirectories(project.resolve(file).getParent());
    Files.copy(ROOT.resolve(file), project.resolve(file));
  }

  private void script(String file, String body) throws IOException {
    Path path = directory.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, "#!/bin/sh\n" + body);
    assertThat(path.toFile().setExecutable(true)).isTrue();
  }

  /** Later than anything that was made so far, however coarse the clock of the file system is. */
  private static void touch(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(5)));
  }
}
