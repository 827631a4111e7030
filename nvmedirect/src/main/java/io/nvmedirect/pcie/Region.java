package io.nvmedirect.pcie;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A region of a VFIO device: BAR0 or the configuration space. What the kernel lets map is mapped, and
 * accessed in place; the rest is read and written through the descriptor. Safe for any thread; {@link
 * #close} ends all access.
 */
final class Region implements AutoCloseable {

  /** A part of the region that is mapped. */
  record Window(long offset, MemorySegment memory) {

    boolean contains(long at, int bytes) {
      return at >= offset && at + bytes <= offset + memory.byteSize();
    }
  }

  private final NativeFile device;
  private final long offset;
  private final long bytes;
  private final Arena arena = Arena.ofShared();
  private final List<Window> windows = new ArrayList<>();

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  private Region(NativeFile device, long offset, long bytes) {
    this.device = device;
    this.offset = offset;
    this.bytes = bytes;
  }

  static Region open(NativeFile device, int index) throws IOException {
    try (Arguments info = new Arguments(Vfio.REGION_INFO_BYTES, 0)) {
      info.set(8, index);
      info.callForAll(device, "VFIO_DEVICE_GET_REGION_INFO", Vfio.DEVICE_GET_REGION_INFO);
      Region region = new Region(device, info.getLong(24), info.getLong(16));
      try {
        region.mapWindows(info);
        return region;
      } catch (IOException e) {
        region.close();
        throw e;
      }
    }
  }

  private void mapWindows(Arguments info) throws LinuxException {
    int flags = info.flags();
    if ((flags & Vfio.REGION_CAN_MMAP) == 0) {
      return;
    }
    long sparse =
        (flags & Vfio.REGION_HAS_CAPS) == 0
            ? 0
            : info.capability(info.getInt(12), Vfio.CAP_SPARSE_MMAP);
    if (sparse == 0) {
      map(0, bytes);
      return;
    }
    int areas = info.getInt(sparse + 8);
    for (int i = 0; i < areas; i++) {
      long at = sparse + 16 + i * 16L;
      map(info.getLong(at), info.getLong(at + 8));
    }
  }

  private void map(long at, long length) throws LinuxException {
    if (length > 0) {
      windows.add(new Window(at, Mmap.shared(device, offset + at, length, arena)));
    }
  }

  long byteSize() {
    return bytes;
  }

  /** The mapped part that has these bytes; null if they are not mapped. */
  @Nullable Window window(long at, int length) {
    for (Window window : windows) {
      if (window.contains(at, length)) {
        return window;
      }
    }
    return null;
  }

  int read32(long at) throws IOException {
    Window window = window(at, Integer.BYTES);
    if (window != null) {
      return Mmio.read32(window.memory(), at - window.offset());
    }
    try (Arena buffer = Arena.ofConfined()) {
      MemorySegment value = buffer.allocate(ValueLayout.JAVA_INT);
      if (device.read(value, position(at, Integer.BYTES)) != Integer.BYTES) {
        throw new IOException("short read at offset %d of %s".formatted(at, device));
      }
      return value.get(Mmio.INT, 0);
    }
  }

  void write32(long at, int value) throws IOException {
    Window window = window(at, Integer.BYTES);
    if (window != null) {
      Mmio.write32(window.memory(), at - window.offset(), value);
      return;
    }
    try (Arena buffer = Arena.ofConfined()) {
      MemorySegment from = buffer.allocate(ValueLayout.JAVA_INT);
      from.set(Mmio.INT, 0, value);
      device.write(from, position(at, Integer.BYTES));
    }
  }

  private long position(long at, int length) throws IOException {
    if (!arena.scope().isAlive()) {
      // The number of a descriptor that is closed may be another file's by now.
      throw new IllegalStateException("the device is closed: " + device);
    }
    if (at < 0 || at + length > bytes) {
      throw new IOException(
          "the region of %s has %d bytes, none at offset %d".formatted(device, bytes, at));
    }
    return offset + at;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
