package io.nvmedirect.vmtest.machine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds what the dynamic linker loads for a program or library. */
final class SharedLibraries {

  /** {@code libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)}, and the linker itself, without arrow. */
  private static final Pattern LINE = Pattern.compile("\\s*(?:\\S+ => )?(/\\S+) \\(0x[0-9a-f]+\\)");

  private SharedLibraries() {}

  /**
   * The files outside of a directory that one of these programs needs. A library that ldd does not find is left
   * out: those of a JVM find each other only when they are loaded.
   */
  static Set<Path> of(List<Path> programs, Path except) throws IOException {
    Set<Path> libraries = new TreeSet<>();
    for (Path program : programs) {
      // A program that is linked statically makes ldd fail.
      String printed = Programs.run(List.of("ldd", program.toString())).text();
      for (String line : printed.lines().toList()) {
        Matcher matcher = LINE.matcher(line);
        if (matcher.matches()) {
          Path library = Path.of(matcher.group(1));
          if (!library.startsWith(except)) {
            libraries.add(library);
          }
        }
      }
    }
    return libraries;
  }
}
