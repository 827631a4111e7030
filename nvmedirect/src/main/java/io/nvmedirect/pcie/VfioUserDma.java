package io.nvmedirect.pcie;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.Mmap;
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
 * them, too. Memory of the application's cannot be shared so, and is copied. Small buffers share a
 * file, for servers take few mappings and look each address up in all of them.
 *
 * <p>Any thread may use it. {@code changes} owns the files, also while the server is told of one; {@code
 * table} owns what the server's own commands may touch, and is held while they copy, so that no memory
 * goes meanwhile. Nobody waits for the server with {@code table}, for the thread that would hand over
 * its reply may be waiting for it.
 */
final class VfioUserDma implements DmaMapper, VfioUserConnection.CommandHandler {

  private static final System.Logger LOG = System.getLogger(VfioUserDma.class.getName());

  /** Larger buffers have a file of their own. */
  private static final long SMALL_BYTES = 64 << 10;

  /** Of a file that small buffers share. It takes up space only where it is written. */
  private static final long SHARED_BYTES = 2 << 20;

  /** PRPs and SGLs have 64 bits; no more than an IOMMU translates, for nothing is gained by it. */
  private static final IovaSpace.Range USABLE = new IovaSpace.Range(0, (1L << 47) - 1);

  private static final ByteBuffer NOTHING = MessageSocket.payload(0);

  /** A buffer that the device may use. */
  private record Mapping(VfioUserMemory file, long offset, long bytes) {}

  private final ReentrantLock changes = new ReentrantLock();
  private final IovaSpace addresses = new IovaSpace(List.of(USABLE));
  private final List<VfioUserMemory> files = new ArrayList<>();
  private int mappedFiles;
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
      VfioUserMemory file = lengthBytes > SMALL_BYTES ? null : withRoom(lengthBytes);
      if (file == null) {
        file = VfioUserMemory.create(lengthBytes > SMALL_BYTES ? lengthBytes : SHARED_BYTES);
        files.add(file);
      }
      return take(file, lengthBytes, arena);
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
      VfioUserConnection to = connection;
      if (closed || to == null) {
        throw new IOException("the device is closed");
      }
      VfioUserMemory file = fileOf(memory);
      long offset = memory.address() - file.address();
      if (file.mappings() == 0) {
        tell(to, file);
      }
      file.mapped();
      long iova = file.iova() + offset;
      table.lock();
      try {
        if (mappings.putIfAbsent(iova, new Mapping(file, offset, memory.byteSize())) != null) {
          file.unmapped();
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

  private void tell(VfioUserConnection to, VfioUserMemory file) throws IOException {
    int most = to.server().mostMappings();
    if (mappedFiles == most) {
      throw new NvmeException(
          "cannot map %d bytes of memory for the device: there are %d mappings, and the server allows no more (max_dma_maps)"
              .formatted(file.byteSize(), most));
    }
    // The same place within a huge page, so that a server can use some.
    long alignment =
        file.byteSize() >= Mmap.HUGE_PAGE_BYTES ? Mmap.HUGE_PAGE_BYTES : Mmap.PAGE_BYTES;
    long iova = addresses.take(file.byteSize(), alignment, 0);
    boolean told = false;
    try {
      to.order(VfioUserRequest.dmaMap(iova, file.byteSize(), file.fd()));
      file.setIova(iova);
      mappedFiles++;
      told = true;
    } finally {
      if (!told) {
        addresses.give(iova);
      }
    }
  }

  @Override
  public void unmap(long iova) {
    changes.lock();
    try {
      Mapping mapping;
      table.lock();
      try {
        mapping = mappings.remove(iova);
      } finally {
        table.unlock();
      }
      if (mapping != null && mapping.file.unmapped() == 0) {
        end(mapping.file);
      }
    } finally {
      changes.unlock();
    }
  }

  /** Ends the server's use of a file. If it refuses, the addresses stay taken. */
  private void end(VfioUserMemory file) {
    VfioUserConnection from = connection;
    if (from == null || from.isLost()) {
      return;
    }
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
        if (file.mappings() > 0) {
          end(file);
        }
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
