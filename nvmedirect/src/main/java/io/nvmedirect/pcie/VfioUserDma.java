package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a vfio-user server reaches: files in memory whose descriptors it gets, so that it maps
 * them, too. Memory of the application's cannot be shared so, and is copied.
 *
 * <p>Servers take few mappings, libvfio-user 64, and look each address up in all of them. So buffers share
 * files, each of which is eight times as large as the largest before: four of them have room for 9 GiB, and
 * what has no buffer in it takes up no memory. The server knows a file as long as there is a buffer in it: one
 * that lives long costs a mapping, but none of the memory around it. If a server refuses a mapping a smaller
 * one is tried; if it takes none at all, that is its limit until one has ended.
 *
 * <p>Any thread may use it. {@code changes} owns the files, also while the server is told of one; {@code
 * table} owns what the server's own commands may touch, and is held while they copy, so that no memory
 * goes meanwhile. Nobody waits for the server with {@code table}, for the thread that would hand over
 * its reply may be waiting for it.
 */
final class VfioUserDma implements DmaMapper, VfioUserConnection.CommandHandler {

  private static final System.Logger LOG = SafeLogger.of(VfioUserDma.class);

  /** Of the first file. */
  private static final long FIRST_BYTES = 16L << 20;

  /** Of a file that a server takes after all. */
  private static final long LEAST_BYTES = Mmap.HUGE_PAGE_BYTES;

  private static final int GROWTH = 8;
  private static final long MOST_BYTES = 8L << 30;

  /** Larger buffers have a file of their own. */
  private static final long MOST_SHARED_BYTES = 1L << 30;

  /** PRPs and SGLs have 64 bits; no more than an IOMMU translates, for nothing is gained by it. */
  private static final IovaSpace.Range USABLE = new IovaSpace.Range(0, (1L << 47) - 1);

  private static final ByteBuffer NOTHING = MessageSocket.payload(0);

  /** A buffer that the device may use. */
  private record Mapping(VfioUserMemory file, long offset, long bytes) {}

  private final ReentrantLock changes = new ReentrantLock();
  private final IovaSpace addresses = new IovaSpace(List.of(USABLE));
  private final List<VfioUserMemory> files = new ArrayList<>();
  private int mappedFiles;

  /** Of a file, after the server has refused larger ones. */
  private long mostBytes = MOST_BYTES;

  /** Mappings with which the server has refused another one. */
  private int learnedMost = Integer.MAX_VALUE;

  private boolean closed;

  private final ReentrantLock table = new ReentrantLock();

  /** By I/O virtual address. */
  private final TreeMap<Long, Mapping> mappings = new TreeMap<>();

  /** Null until {@link #use}. */
  private volatile @Nullable VfioUserConnection connection;

  /** Begins to tell the server; it cannot have asked for memory before. */
  void use(VfioUserConnection made) throws NvmeException {
    long pages = made.server().pageSizes();
    if ((pages & Mmap.PAGE_BYTES) == 0) {
      throw made.violated(
          "the server maps no pages of 4096 bytes, its pgsizes is 0x%x".formatted(pages));
    }
    connection = made;
  }

  @Override
  public MemorySegment allocate(long lengthBytes, Arena arena) throws IOException {
    changes.lock();
    try {
      VfioUserConnection to = connection;
      if (closed || to == null) {
        throw new IOException("the device is closed");
      }
      VfioUserMemory file = withRoom(lengthBytes);
      return take(file == null ? add(to, lengthBytes) : file, lengthBytes, arena);
    } finally {
      changes.unlock();
    }
  }

  private @Nullable VfioUserMemory withRoom(long lengthBytes) {
    for (VfioUserMemory file : files) {
      if (file.hasRoom(lengthBytes)) {
        return file;
      }
    }
    return null;
  }

  /** Makes a file with room for a buffer, as large as it should be and the server takes it. */
  private VfioUserMemory add(VfioUserConnection to, long lengthBytes) throws IOException {
    int most = Math.min(to.server().mostMappings(), learnedMost);
    if (mappedFiles >= most) {
      throw noMapping(to, lengthBytes, "it takes no more than that");
    }
    long least = Math.max(LEAST_BYTES, roundUp(lengthBytes));
    long wanted = Math.max(least, Math.min(mostBytes, wantedBytes(lengthBytes, most)));
    for (long bytes = wanted; ; bytes = Math.max(least, bytes / GROWTH)) {
      String refusal;
      VfioUserMemory file = null;
      try {
        file = VfioUserMemory.create(bytes);
        refusal = tell(to, file);
        if (refusal == null) {
          mostBytes = bytes < wanted ? bytes : mostBytes;
          files.add(file);
          return file;
        }
      } catch (LinuxException e) {
        refusal = e.getMessage();
      } finally {
        if (file != null && !file.isTold()) {
          file.close();
        }
      }
      if (bytes == least) {
        throw noMapping(to, lengthBytes, refusal);
      }
    }
  }

  private static long roundUp(long bytes) {
    return (bytes + LEAST_BYTES - 1) & -LEAST_BYTES;
  }

  private long wantedBytes(long lengthBytes, int most) {
    if (lengthBytes > MOST_SHARED_BYTES) {
      return lengthBytes;
    }
    if (mappedFiles == most - 1) {
      return MOST_BYTES; // all that is still to come has to go there
    }
    long largest = files.stream().mapToLong(VfioUserMemory::byteSize).max().orElse(0);
    return Math.clamp(GROWTH * Math.min(largest, MOST_BYTES), FIRST_BYTES, MOST_BYTES);
  }

  private NvmeException noMapping(VfioUserConnection to, long lengthBytes, @Nullable String why) {
    long bytes = files.stream().mapToLong(VfioUserMemory::byteSize).sum();
    long used = files.stream().mapToLong(VfioUserMemory::usedBytes).sum();
    return new NvmeException(
        "%s: cannot share %d bytes of memory with the server: it has %d mappings, whose buffers have %d of %d bytes, and another one is not possible (%s; limit: max_dma_maps %d%s); free buffers, or give the server a higher limit"
            .formatted(
                to,
                lengthBytes,
                mappedFiles,
                used,
                bytes,
                why,
                to.server().mostMappings(),
                learnedMost == Integer.MAX_VALUE
                    ? ""
                    : ", but it has refused more than " + learnedMost));
  }

  /** A part of a file, zero, which comes back when the arena closes. */
  @SuppressWarnings("restricted") // the module has native access
  private MemorySegment take(VfioUserMemory file, long lengthBytes, Arena arena) {
    long offset = file.take(lengthBytes);
    try {
      return MemorySegment.ofAddress(file.address() + offset)
          .reinterpret(lengthBytes, arena, m -> giveBack(file, offset, lengthBytes));
    } catch (RuntimeException e) {
      giveBack(file, offset, lengthBytes);
      throw e;
    }
  }

  private void giveBack(VfioUserMemory file, long offset, long lengthBytes) {
    changes.lock();
    try {
      file.giveBack(offset, lengthBytes);
      if (file.isUnused()) {
        files.remove(file);
        end(file);
        file.close();
      }
    } finally {
      changes.unlock();
    }
  }

  /** Only what {@link #allocate} gave. */
  @Override
  public boolean canMap(MemorySegment memory) {
    return false;
  }

  @Override
  public long map(MemorySegment memory) throws IOException {
    changes.lock();
    try {
      if (closed) {
        throw new IOException("the device is closed");
      }
      VfioUserMemory file = fileOf(memory);
      long offset = memory.address() - file.address();
      long iova = file.iova() + offset;
      table.lock();
      try {
        if (mappings.putIfAbsent(iova, new Mapping(file, offset, memory.byteSize())) != null) {
          throw new IllegalStateException("the memory is mapped already: " + memory);
        }
      } finally {
        table.unlock();
      }
      return iova;
    } finally {
      changes.unlock();
    }
  }

  private VfioUserMemory fileOf(MemorySegment memory) throws NvmeException {
    for (VfioUserMemory file : files) {
      if (file.contains(memory)) {
        return file;
      }
    }
    throw new NvmeException(
        "only memory that was allocated for the device can be shared with its server: " + memory);
  }

  /** Has the server map a file; if it refuses, returns why, and nothing has happened. */
  private @Nullable String tell(VfioUserConnection to, VfioUserMemory file) throws IOException {
    // The same place within a huge page, so that a server can use some.
    long iova = addresses.take(file.byteSize(), Mmap.HUGE_PAGE_BYTES, 0);
    try {
      VfioUserRequest request = VfioUserRequest.dmaMap(iova, file.byteSize(), file.fd());
      try (Message reply = to.exchange(request)) {
        if (reply.isError()) {
          // No memory may be had again, but of a number of mappings the next one is one too many,
          // too.
          boolean tooMany = reply.error() == Errno.EINVAL || reply.error() == Errno.ENOSPC;
          if (tooMany && mappedFiles > 0 && file.byteSize() <= LEAST_BYTES) {
            learnedMost = mappedFiles;
          }
          return to.refused(request, reply.error()).getMessage();
        }
      }
      file.told(iova);
      mappedFiles++;
      return null;
    } finally {
      if (!file.isTold()) {
        addresses.give(iova);
      }
    }
  }

  @Override
  public void unmap(long iova) {
    table.lock();
    try {
      mappings.remove(iova);
    } finally {
      table.unlock();
    }
  }

  /** Ends the server's use of a file. If it refuses, the addresses stay taken. */
  private void end(VfioUserMemory file) {
    VfioUserConnection from = connection;
    if (!file.isTold() || from == null || from.isLost()) {
      return;
    }
    file.forgotten();
    try {
      from.order(VfioUserRequest.dmaUnmap(file.iova(), file.byteSize()));
      addresses.give(file.iova());
      mappedFiles--;
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot unmap: {0}", e.getMessage());
    }
  }

  /** Ends all mappings. The memory stays until its arenas are closed. */
  void close() {
    changes.lock();
    try {
      closed = true;
      table.lock();
      try {
        mappings.clear();
      } finally {
        table.unlock();
      }
      for (VfioUserMemory file : files) {
        end(file);
      }
    } finally {
      changes.unlock();
    }
  }

  // ---- What the server reads and writes by messages.

  @Override
  public void answer(Message command, VfioUserConnection.CommandHandler.Reply reply)
      throws IOException {
    boolean write = command.command() == Message.DMA_WRITE;
    ByteBuffer payload = command.payload();
    if (!write && command.command() != Message.DMA_READ) {
      reply.send(Errno.EOPNOTSUPP, NOTHING);
      return;
    }
    int data = write ? payload.limit() - Message.ACCESS_BYTES : 0;
    if (data < 0 || payload.limit() != Message.ACCESS_BYTES + data) {
      reply.send(Errno.EINVAL, NOTHING);
      return;
    }
    long iova = payload.getLong(0);
    long count = payload.getLong(Long.BYTES);
    if (count < 0 || count > VfioUserConnection.MOST_DATA_BYTES || (write && count != data)) {
      reply.send(Errno.EINVAL, NOTHING);
      return;
    }
    ByteBuffer answer =
        MessageSocket.payload(Message.ACCESS_BYTES + (write ? 0 : (int) count))
            .putLong(0, iova)
            .putLong(Long.BYTES, count);
    if (copy(iova, (int) count, write ? payload : answer, write)) {
      reply.send(0, answer);
    } else {
      reply.send(Errno.EFAULT, NOTHING);
    }
  }

  /** False if not all of it is in a buffer that is mapped; nothing has happened then. */
  private boolean copy(long iova, int count, ByteBuffer data, boolean write) {
    MemorySegment bytes =
        MemorySegment.ofBuffer(data.duplicate().position(Message.ACCESS_BYTES)).asSlice(0, count);
    table.lock();
    try {
      Map.Entry<Long, Mapping> found = mappings.floorEntry(iova);
      if (iova < 0 || found == null) {
        return false;
      }
      Mapping mapping = found.getValue();
      long at = iova - found.getKey();
      if (at > mapping.bytes || count > mapping.bytes - at) {
        return false;
      }
      MemorySegment memory = mapping.file.slice(mapping.offset + at, count);
      if (write) {
        memory.copyFrom(bytes);
      } else {
        bytes.copyFrom(memory);
      }
      return true;
    } finally {
      table.unlock();
    }
  }
}
