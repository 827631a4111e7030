package io.nvmedirect.vmtest.machine;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.tukaani.xz.XZIOException;
import org.tukaani.xz.XZInputStream;

/** The modules of an unpacked kernel: which files must be loaded, in which order. */
final class KernelModules {

  private static final String SUFFIX = ".ko";
  private static final byte[] DEPENDS = "\0depends=".getBytes(StandardCharsets.US_ASCII);

  private final Path directory;
  private final Map<String, Path> files = new TreeMap<>();
  private final Set<String> builtIn = new LinkedHashSet<>();

  /** Over a directory such as lib/modules/6.1.0-56-amd64. */
  KernelModules(Path directory) throws IOException {
    this.directory = directory;
    try (Stream<Path> paths = Files.walk(directory.resolve("kernel"))) {
      paths.filter(Files::isRegularFile).forEach(path -> files.put(name(path.toString()), path));
    }
    Path list = directory.resolve("modules.builtin");
    if (Files.exists(list)) {
      Files.readAllLines(list).forEach(line -> builtIn.add(name(line)));
    }
  }

  /**
   * The files of these modules and of those that they need, each after what it needs.
   *
   * @param names a name that ends with ? may be missing, for kernels differ in how they cut their modules
   * @throws IOException if a module is neither there nor built in
   */
  Set<Path> order(List<String> names) throws IOException {
    Set<Path> order = new LinkedHashSet<>();
    for (String name : names) {
      boolean optional = name.endsWith("?");
      add(optional ? name.substring(0, name.length() - 1) : name, optional, order);
    }
    return order;
  }

  private void add(String name, boolean optional, Set<Path> order) throws IOException {
    Path file = files.get(name(name));
    if (file == null) {
      if (!optional && !builtIn.contains(name(name))) {
        throw new IOException("no module %s in %s".formatted(name, directory));
      }
      return;
    }
    for (String needed : depends(file)) {
      add(needed, false, order);
    }
    order.add(file);
  }

  /** Its name in the guest, where no module is compressed: busybox and older kernels take none. */
  static String plainName(Path file) {
    return String.valueOf(file.getFileName()).replaceFirst("\\.xz$", "");
  }

  /** What is in the file of a module, decompressed. */
  static byte[] content(Path file) throws IOException {
    if (!plainName(file).endsWith(SUFFIX)) {
      throw new IOException(
          "%s is neither %s nor %2$s.xz, the only compression that is supported"
              .formatted(file, SUFFIX));
    }
    try (InputStream in = Files.newInputStream(file)) {
      return file.toString().endsWith(SUFFIX)
          ? in.readAllBytes()
          : new XZInputStream(in).readAllBytes();
    } catch (XZIOException e) {
      throw new IOException("%s cannot be decompressed".formatted(file), e);
    }
  }

  private static List<String> depends(Path file) throws IOException {
    byte[] module = content(file);
    int start = indexOf(module, DEPENDS) + DEPENDS.length;
    if (start < DEPENDS.length) {
      throw new IOException(file + " does not say what it depends on");
    }
    int end = start;
    while (module[end] != 0) {
      end++;
    }
    String names = new String(module, start, end - start, StandardCharsets.US_ASCII);
    return names.isEmpty() ? List.of() : List.of(names.split(","));
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i <= bytes.length - part.length; i++) {
      int matching = 0;
      while (matching < part.length && bytes[i + matching] == part[matching]) {
        matching++;
      }
      if (matching == part.length) {
        return i;
      }
    }
    return -part.length - 1;
  }

  /** File names have - or _ as their authors liked, names in modules always _. */
  private static String name(String path) {
    String file = path.substring(path.lastIndexOf('/') + 1);
    int dot = file.indexOf('.');
    return (dot < 0 ? file : file.substring(0, dot)).replace('-', '_');
  }
}
