package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A program of the tests' in a process of its own, which has the library and the tests, and no more. */
public final class ChildJvm implements AutoCloseable {

  private final Process process;
  private final BufferedReader output;
  private final StringBuilder said = new StringBuilder();

  private ChildJvm(Process process) {
    this.process = process;
    this.output = process.inputReader();
  }

  /** Starts the {@code main} of a class with options of the JVM's. */
  public static ChildJvm start(List<String> options, Class<?> main, String... arguments)
      throws IOException {
    String classPath = directoryOf(NvmeDevice.class) + File.pathSeparator + directoryOf(main);
    return start(List.of(), options, classPath, main, arguments);
  }

  /**
   * Starts it with a limit of descriptors, soft and hard.
   *
   * @param jar is made: of a directory each class takes a descriptor when it is loaded
   */
  public static ChildJvm startWithDescriptors(
      int limit, Path jar, Class<?> main, String... arguments) throws IOException {
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
      out.setLevel(Deflater.NO_COMPRESSION);
      pack(directoryOf(NvmeDevice.class), out);
      pack(directoryOf(main), out);
    }
    List<String> limited = List.of("sh", "-c", "ulimit -n " + limit + " && exec \"$@\"", "sh");
    return start(limited, List.of(), jar.toString(), main, arguments);
  }

  private static void pack(Path directory, ZipOutputStream jar) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        if (!file.endsWith("module-info.class")) {
          jar.putNextEntry(new ZipEntry(directory.relativize(file).toString()));
          Files.copy(file, jar);
        }
      }
    }
  }

  private static ChildJvm start(
      List<String> before,
      List<String> options,
      String classPath,
      Class<?> main,
      String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(before);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UseSerialGC");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(options);
    command.add("-cp");
    command.add(classPath);
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return new ChildJvm(new ProcessBuilder(command).redirectErrorStream(true).start());
  }

  /** Where the class file is, also if the class belongs to a module. */
  private static Path directoryOf(Class<?> type) {
    String file = type.getName().replace('.', '/') + ".class";
    URL found = type.getClassLoader().getResource(file);
    assertThat(found).as("class file of %s", type).isNotNull();
    String text = found.toString();
    assertThat(text).startsWith("file:");
    return Path.of(URI.create(text.substring(0, text.length() - file.length())));
  }

  /** Reads until the program has printed a line. */
  public void awaitLine(String expected) throws IOException {
    String line;
    do {
      line = output.readLine();
      said.append(line).append('\n');
    } while (line != null && !line.equals(expected));
    assertThat(line).as("what the process said: %s", said).isEqualTo(expected);
  }

  /** Waits until it ends, which it must do by itself and with status 0; returns what it has said. */
  public String awaitEnd() throws IOException {
    output.lines().forEach(line -> said.append(line).append('\n'));
    assertThat(process.onExit().join().exitValue()).as("what the process said: %s", said).isZero();
    return said.toString();
  }

  /** SIGKILL: nothing is closed in order. */
  public void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  @Override
  public void close() throws IOException {
    kill();
    output.close();
  }
}
