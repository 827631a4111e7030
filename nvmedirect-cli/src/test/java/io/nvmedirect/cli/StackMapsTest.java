package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The parser that the tests of the verbs use is the original; the one that users get is rewritten. */
final class StackMapsTest {

  @TempDir Path directory;

  private static Path picocli() throws Exception {
    return Path.of(CommandLine.class.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private Path rewritten() throws Exception {
    Path jar = Files.copy(picocli(), directory.resolve("picocli.jar"));
    StackMaps.main(new String[] {jar.toString()});
    return jar;
  }

  @Test
  void rewrite_keepsEveryEntryAndLeavesNoOldClass() throws Exception {
    try (ZipFile original = new ZipFile(picocli().toFile());
        ZipFile jar = new ZipFile(rewritten().toFile())) {
      assertThat(jar.stream().map(ZipEntry::getName).toList())
          .isEqualTo(original.stream().map(ZipEntry::getName).toList());
      for (ZipEntry entry : jar.stream().toList()) {
        byte[] bytes = jar.getInputStream(entry).readAllBytes();
        if (entry.getName().endsWith(".class")) {
          assertThat(ClassFile.of().parse(bytes).majorVersion())
              .as(entry.getName())
              .isGreaterThanOrEqualTo(51);
          assertThat(ClassFile.of().verify(bytes)).as(entry.getName()).isEmpty();
        } else {
          ZipEntry same = original.getEntry(entry.getName());
          assertThat(bytes).isEqualTo(original.getInputStream(same).readAllBytes());
        }
      }
    }
  }

  /** The JVM verifies a class when it initializes it. */
  @Test
  void rewrite_classesPassTheVerification() throws Exception {
    Path jar = rewritten();
    int initialized = 0;
    try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null);
        ZipFile entries = new ZipFile(jar.toFile())) {
      for (ZipEntry entry : entries.stream().toList()) {
        String name = entry.getName();
        if (name.startsWith("picocli/") && name.endsWith(".class")) {
          String type = name.substring(0, name.length() - ".class".length()).replace('/', '.');
          assertThat(Class.forName(type, true, loader).getClassLoader()).isEqualTo(loader);
          initialized++;
        }
      }
    }
    assertThat(initialized).isGreaterThan(200);
  }

  @Test
  void rewrite_again_changesNothing() throws Exception {
    Path jar = rewritten();
    byte[] once = Files.readAllBytes(jar);
    StackMaps.main(new String[] {jar.toString()});
    assertThat(Files.readAllBytes(jar)).isEqualTo(once);
    assertThat(files()).containsExactly(jar);
  }

  private List<Path> files() throws IOException {
    try (var files = Files.list(directory)) {
      return files.toList();
    }
  }
}
