package io.nvmedirect.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Brings the classes of a jar from before Java 6 up to date: they get stack maps, which spare the JVM the
 * slow verification of old classes, and without which its cache of linked classes does not take them.
 * picocli's are such, and loading them was half of the time that a verb took.
 */
final class StackMaps {

  /** The first version whose classes must have stack maps. */
  private static final int STACK_MAPS_REQUIRED = ClassFile.JAVA_7_VERSION;

  private StackMaps() {}

  /** Rewrites the jars that are its arguments, those with old classes only; each wholly or not at all. */
  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      rewrite(Path.of(jar));
    }
  }

  static void rewrite(Path jar) throws IOException {
    Path rewritten = jar.resolveSibling(jar.getFileName() + ".new");
    try {
      boolean old = false;
      try (ZipFile from = new ZipFile(jar.toFile());
          OutputStream file = Files.newOutputStream(rewritten);
          ZipOutputStream to = new ZipOutputStream(file)) {
        ClassFile classFile = classFile(from);
        for (ZipEntry entry : List.copyOf(from.stream().toList())) {
          byte[] bytes = read(from, entry);
          if (entry.getName().endsWith(".class")) {
            ClassModel model = classFile.parse(bytes);
            if (model.majorVersion() < STACK_MAPS_REQUIRED) {
              bytes = withStackMaps(classFile, model);
              old = true;
            }
          }
          ZipEntry copy = new ZipEntry(entry.getName());
          copy.setTime(entry.getTime());
          to.putNextEntry(copy);
          to.write(bytes);
        }
      }
      if (old) {
        Files.move(rewritten, jar, StandardCopyOption.REPLACE_EXISTING);
      }
    } finally {
      Files.deleteIfExists(rewritten);
    }
  }

  private static ClassFile classFile(ZipFile jar) {
    ClassHierarchyResolver ofJar =
        ClassHierarchyResolver.ofResourceParsing((ClassDesc desc) -> open(jar, desc));
    return ClassFile.of(
        StackMapsOption.GENERATE_STACK_MAPS,
        ClassHierarchyResolverOption.of(
            ofJar.orElse(ClassHierarchyResolver.defaultResolver()).cached()));
  }

  private static byte[] withStackMaps(ClassFile classFile, ClassModel old) {
    return classFile.transformClass(
        old,
        ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)
            .andThen(
                ClassTransform.endHandler(builder -> builder.withVersion(STACK_MAPS_REQUIRED, 0))));
  }

  private static @Nullable InputStream open(ZipFile jar, ClassDesc desc) {
    String descriptor = desc.descriptorString(); // as Lpicocli/CommandLine;
    ZipEntry entry = jar.getEntry(descriptor.substring(1, descriptor.length() - 1) + ".class");
    try {
      return entry == null ? null : jar.getInputStream(entry);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] read(ZipFile jar, ZipEntry entry) throws IOException {
    try (InputStream in = jar.getInputStream(entry)) {
      return in.readAllBytes();
    }
  }
}
