package io.nvmedirect.pcie;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A region of a vfio-user device: BAR0 or the configuration space. What the server passes a descriptor
 * for is mapped, and accessed in place; the rest is read and written by messages. Safe for any thread.
 */
final class VfioUserRegion implements AutoCloseable {

  private static final System.Logger LOG = SafeLogger.of(VfioUserRegion.class);

  /** Room for some capabilities, so that one question is enough. */
  private static final int INFO_BYTES = 4096 - 32;

  private static final int MOST_INFO_BYTES = 1 << 20;
  private static final int CAPABILITY_BYTES = 8;
  private static final int AREA_BYTES = 16;

  private final VfioUserConnection connection;
  private final int index;
  private final long bytes;
  private final Arena arena = Arena.ofShared();
  private final List<Region.Window> windows = new ArrayList<>();

  /** The server does not take eight bytes at once. Threads race here, to the same end. */
  private volatile boolean byHalves;

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  private VfioUserRegion(VfioUserConnection connection, int index, long bytes) {
    this.connection = connection;
    this.index = index;
    this.bytes = bytes;
  }

  static VfioUserRegion open(VfioUserConnection connection, int index) throws IOException {
    try (Message info = info(connection, index)) {
      ByteBuffer reply = info.payload();
      long bytes = reply.getLong(16);
      if (reply.getInt(8) != index || bytes < 0) {
        throw connection.violated(
            "the server says of region %d that it is region %d and has %s bytes"
                .formatted(index, reply.getInt(8), Long.toUnsignedString(bytes)));
      }
      VfioUserRegion region = new VfioUserRegion(connection, index, bytes);
      try {
        region.mapWindows(info);
        return region;
      } catch (IOException | RuntimeException e) {
        region.close();
        throw e;
      }
    }
  }

  private static Message info(VfioUserConnection connection, int index) throws IOException {
    Message first = connection.request(VfioUserRequest.regionInfo(index, INFO_BYTES));
    long needed = Integer.toUnsignedLong(first.payload().getInt(0));
    if (needed <= INFO_BYTES) {
      return first;
    }
    first.close();
    if (needed <= MOST_INFO_BYTES) {
      Message second = connection.request(VfioUserRequest.regionInfo(index, (int) needed));
      if (Integer.toUnsignedLong(second.payload().getInt(0)) <= needed) {
        return second;
      }
      second.close();
    }
    throw connection.violated(
        "the server needs %d bytes to tell of region %d, or even more".formatted(needed, index));
  }

  private void mapWindows(Message info) throws IOException {
    ByteBuffer reply = info.payload();
    int flags = reply.getInt(4);
    List<long[]> areas =
        (flags & Message.REGION_HAS_CAPS) == 0 ? null : sparseAreas(reply, reply.getInt(12));
    if ((flags & Message.REGION_CAN_MMAP) == 0 || info.fdCount() == 0) {
      return;
    }
    try (NativeFile file = info.takeFile(0, "region %d of %s".formatted(index, connection))) {
      // Else a server could take pages away that are mapped here.
      if (!file.keepFromShrinking()) {
        LOG.log(System.Logger.Level.DEBUG, "{0} cannot be kept from shrinking", file);
      }
      for (long[] area : areas == null ? List.of(new long[] {0, bytes}) : areas) {
        map(file, reply.getLong(24), area[0], area[1]);
      }
    }
  }

  /** Offset and size of each area; null if there is no such capability. */
  private @Nullable List<long[]> sparseAreas(ByteBuffer reply, int first) throws NvmeException {
    int at = first;
    int limit = reply.limit();
    for (int last = 0; at != 0; at = reply.getInt(at + 4)) {
      // Forwards only, so that the list has an end.
      if (at < Message.REGION_INFO_BYTES || at <= last || at > limit - CAPABILITY_BYTES) {
        throw malformed(at);
      }
      last = at;
      if (Short.toUnsignedInt(reply.getShort(at)) == Message.CAP_SPARSE_MMAP) {
        return areas(reply, at);
      }
    }
    return null;
  }

  private List<long[]> areas(ByteBuffer reply, int at) throws NvmeException {
    int from = at + CAPABILITY_BYTES + 8;
    int room = (reply.limit() - from) / AREA_BYTES;
    if (from > reply.limit() || Integer.compareUnsigned(reply.getInt(at + 8), room) > 0) {
      throw malformed(at);
    }
    List<long[]> areas = new ArrayList<>();
    for (int i = 0; i < reply.getInt(at + 8); i++) {
      int area = from + i * AREA_BYTES;
      areas.add(new long[] {reply.getLong(area), reply.getLong(area + 8)});
    }
    return areas;
  }

  private NvmeException malformed(int at) {
    return connection.violated(
        "the server's capabilities of region %d are malformed at offset %d".formatted(index, at));
  }

  /** Maps an area if all is right with it; else its registers are reached by messages. */
  private void map(NativeFile file, long base, long at, long length) {
    long page = Mmap.PAGE_BYTES;
    boolean within = at >= 0 && length > 0 && at <= bytes && length <= bytes - at;
    boolean aligned = at % page == 0 && length % page == 0 && base % page == 0;
    String why = null;
    try {
      if (!within || !aligned) {
        why = "it is not whole pages of the region";
      } else if (base < 0 || base > file.size() - at - length) {
        why = "the file has %d bytes".formatted(file.size());
      } else {
        windows.add(new Region.Window(at, Mmap.shared(file, base + at, length, arena)));
      }
    } catch (LinuxException e) {
      why = e.getMessage();
    }
    if (why != null) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: {1} bytes at offset {2} are not mapped: {3}",
          file,
          length,
          at,
          why);
    }
  }

  long byteSize() {
    return bytes;
  }

  /** The mapped part that has these bytes; null if they are not mapped. */
  Region.@Nullable Window window(long at, int length) {
    for (Region.Window window : windows) {
      if (window.contains(at, length)) {
        return window;
      }
    }
    return null;
  }

  int read32(long at) throws IOException {
    Region.Window window = window(at, Integer.BYTES);
    if (window == null) {
      return (int) read(at, Integer.BYTES);
    }
    connection.checkOpen("reading a register");
    return Mmio.read32(window.memory(), at - window.offset());
  }

  void write32(long at, int value) throws IOException {
    Region.Window window = window(at, Integer.BYTES);
    if (window == null) {
      write(at, Integer.BYTES, value);
      return;
    }
    connection.checkOpen("writing a register");
    Mmio.write32(window.memory(), at - window.offset(), value);
  }

  /** By halves, the lower one first, if the server refuses to do it at once. */
  long read64(long at) throws IOException {
    if (!byHalves && window(at, Integer.BYTES) == null) {
      VfioUserRequest request = VfioUserRequest.read(index, check(at, Long.BYTES), Long.BYTES);
      try (Message reply = connection.exchange(request)) {
        if (!reply.isError()) {
          return reply.payload().getLong(Message.ACCESS_BYTES);
        }
      }
      byHalves = true;
    }
    long low = Integer.toUnsignedLong(read32(at));
    return low | (long) read32(at + Integer.BYTES) << Integer.SIZE;
  }

  void write64(long at, long value) throws IOException {
    if (!byHalves && window(at, Integer.BYTES) == null) {
      check(at, Long.BYTES);
      try (Message reply =
          connection.exchange(VfioUserRequest.write(index, at, Long.BYTES, value))) {
        if (!reply.isError()) {
          return;
        }
      }
      byHalves = true;
    }
    write32(at, (int) value);
    write32(at + Integer.BYTES, (int) (value >>> Integer.SIZE));
  }

  /** Reads up to four bytes by a message, without a sign. */
  long read(long at, int count) throws IOException {
    VfioUserRequest request = VfioUserRequest.read(index, check(at, count), count);
    try (Message reply = connection.request(request)) {
      long value = 0;
      for (int i = 0; i < count; i++) {
        long octet = Byte.toUnsignedLong(reply.payload().get(Message.ACCESS_BYTES + i));
        value |= octet << (i * Byte.SIZE);
      }
      return value;
    }
  }

  /** Writes the low bytes of a value by a message. */
  void write(long at, int count, long value) throws IOException {
    connection.order(VfioUserRequest.write(index, check(at, count), count, value));
  }

  /** Writes four bytes by a message that nobody waits for. */
  void tell(long at, int value) {
    connection.tell(VfioUserRequest.write(index, at, Integer.BYTES, value));
  }

  private long check(long at, int length) throws IOException {
    if (at < 0 || at > bytes - length) {
      throw new NvmeException(
          "%s: region %d has %d bytes, none at offset 0x%x"
              .formatted(connection, index, bytes, at));
    }
    return at;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
