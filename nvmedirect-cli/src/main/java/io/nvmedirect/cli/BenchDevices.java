package io.nvmedirect.cli;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.cli.bench.Devices;
import io.nvmedirect.cli.format.Addresses;
import io.nvmedirect.sysfs.ExclusiveClaim;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The devices of a bench: each is opened once, and one in memory or in a new file is filled first. */
final class BenchDevices implements Devices, AutoCloseable {

  private static final long LONGEST_FILL_NS = TimeUnit.SECONDS.toNanos(5);
  private static final int CHUNK_BYTES = 1 << 20;

  private final NamespaceOption namespace;
  private final Stop stop;
  private final Roots roots;

  /** By address, with the path of a file as the kernel knows it. */
  private final Map<String, Opened> sessions = new LinkedHashMap<>();

  /**
   * A device under the first of its names.
   *
   * @param file the path of its file as the kernel knows it; null if it has none
   */
  private record Opened(String address, @Nullable Path file, boolean toWrite, Session session) {}

  private final Map<Path, ExclusiveClaim> claims = new HashMap<>();

  BenchDevices(NamespaceOption namespace, Nvmed nvmed) {
    this.namespace = namespace;
    this.stop = nvmed.stop;
    this.roots = nvmed.streams.roots();
  }

  @Override
  @SuppressWarnings("MustBeClosedChecker") // closed with the devices
  public NvmeDevice open(String address, boolean writes) throws IOException {
    Opened opened = sessions.get(key(address));
    if (opened != null && (opened.toWrite || !writes)) {
      return opened.session.device();
    }
    if (opened != null) {
      sessions.remove(key(address));
      opened.session.close();
    }
    boolean isNew = isNewFile(address);
    boolean isMemory = Addresses.isMemory(address);
    boolean toWrite = writes || isNew || isMemory;
    Session session = toWrite ? openToWrite(address) : namespace.openToRead(address, stop);
    sessions.put(
        key(address),
        new Opened(opened == null ? address : opened.address, real(address), toWrite, session));
    if (isNew) {
      fill(session.device(), Long.MAX_VALUE);
    } else if (isMemory && !address.contains("model=null") && !session.device().isReadOnly()) {
      fill(session.device(), LONGEST_FILL_NS);
    }
    return session.device();
  }

  /** The device claims its file itself; a claim of another engine's would be in the way. */
  private Session openToWrite(String address) throws IOException {
    Path file = real(address);
    ExclusiveClaim claim = file == null ? null : claims.remove(file);
    if (claim != null) {
      claim.close();
    }
    return namespace.openToWrite(address, stop);
  }

  private static @Nullable Path real(String address) throws IOException {
    String path = Addresses.file(address);
    return path == null || Files.notExists(Path.of(path)) ? null : Path.of(path).toRealPath();
  }

  /** Two names of a file are one device, which two controllers could not share. */
  private static String key(String address) throws IOException {
    Path real = real(address);
    return real == null ? address : real + address.replaceFirst("(?s)^[^?]*", "");
  }

  /** Until the bench is over, so that nobody mounts it meanwhile. */
  @Override
  @SuppressWarnings("MustBeClosedChecker") // closed with the devices
  public void claim(Path path) throws IOException {
    if (Files.notExists(path)) {
      return;
    }
    Path real = path.toRealPath();
    boolean isOpen =
        sessions.values().stream().anyMatch(opened -> opened.toWrite && real.equals(opened.file));
    if (!isOpen && !claims.containsKey(real)) {
      ExclusiveClaim claim = ExclusiveClaim.ofData(roots, path);
      if (claim != null) {
        claims.put(real, claim);
      }
    }
  }

  private static boolean isNewFile(String address) {
    String path = Addresses.file(address);
    return path != null && Files.notExists(Path.of(path));
  }

  /** So that reads do not all come from one page of zeroes, or from holes. */
  private void fill(NvmeDevice device, long longestNs) throws IOException {
    ByteBuffer noise = ByteBuffer.allocateDirect(CHUNK_BYTES);
    byte[] bytes = new byte[CHUNK_BYTES];
    new SplittableRandom(0).nextBytes(bytes);
    noise.put(bytes);
    long startNs = System.nanoTime();
    try (DeviceOutput output = new DeviceOutput(device, 0);
        Progress progress = Progress.of("fill", device.sizeBytes())) {
      while (output.count() < device.sizeBytes() && System.nanoTime() - startNs < longestNs) {
        stop.check();
        noise.clear().limit((int) Math.min(CHUNK_BYTES, device.sizeBytes() - output.count()));
        output.write(noise);
        progress.bytes(output.count());
      }
      output.finish();
    }
  }

  /** The devices by address, in the order in which they were opened. */
  Map<String, NvmeDevice> opened() {
    Map<String, NvmeDevice> devices = new LinkedHashMap<>();
    sessions.values().forEach(opened -> devices.put(opened.address, opened.session.device()));
    return devices;
  }

  @Override
  public void close() throws IOException {
    claims.values().forEach(ExclusiveClaim::close);
    IOException failure = null;
    for (Opened opened : sessions.values()) {
      try {
        opened.session.close();
      } catch (IOException e) {
        failure = failure == null ? e : failure;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
