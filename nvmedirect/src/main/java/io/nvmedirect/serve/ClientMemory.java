package io.nvmedirect.serve;

import io.nvmedirect.emulator.RemoteController;
import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a client has offered: DMA_MAP and DMA_UNMAP. A region without a file is kept in the
 * table, but the controller cannot reach it. Belongs to the server's thread, and so do the mappings.
 */
final class ClientMemory implements AutoCloseable {

  /** By address, which is unsigned. */
  private final TreeMap<Long, Region> regions = new TreeMap<>(Long::compareUnsigned);

  private final RemoteController controller;
  private final MappingBudget budget;
  private final RegionLimit limit;
  private long mappedBytes;

  ClientMemory(RemoteController controller, MappingBudget budget, RegionLimit limit) {
    this.controller = controller;
    this.budget = budget;
    this.limit = limit;
  }

  /**
   * What is mapped of a file; the file stays open, so that its size can be looked at.
   *
   * @param sealed whether the file cannot get shorter
   */
  private record Mapping(NativeFile file, long endOffset, Arena arena, boolean sealed)
      implements AutoCloseable {
    boolean isTruncated() {
      try {
        return attributes(file).size() < endOffset;
      } catch (IOException e) {
        return true;
      }
    }

    @Override
    public void close() {
      arena.close();
      file.close();
    }
  }

  private record Region(long address, long sizeBytes, @Nullable Mapping mapping) {
    long last() {
      return address + sizeBytes - 1;
    }
  }

  /** DMA_MAP: argsz, flags, offset, address and size; the reply is empty. */
  ByteBuffer map(Message message) throws BadRequestException, LinuxException {
    ByteBuffer request = message.payload();
    if (request.limit() < Message.DMA_MAP_BYTES || request.getInt(0) < Message.DMA_MAP_BYTES) {
      throw invalid("DMA_MAP is shorter than %d bytes".formatted(Message.DMA_MAP_BYTES));
    }
    int flags = request.getInt(4);
    if (flags == 0 || (flags & ~(Message.DMA_CAN_READ | Message.DMA_CAN_WRITE)) != 0) {
      throw invalid("flags of DMA_MAP are 1 to 3: flags=" + flags);
    }
    long address = request.getLong(16);
    long sizeBytes = request.getLong(24);
    checkFree(address, sizeBytes);
    if (message.fdCount() > 1) {
      throw invalid("DMA_MAP has one descriptor: descriptors=" + message.fdCount());
    }
    Mapping mapping =
        message.fdCount() == 0
            ? null
            : open(
                message.takeFile(0, "memory of a client"),
                flags,
                request.getLong(8),
                address,
                sizeBytes);
    regions.put(address, new Region(address, sizeBytes, mapping));
    return MessageSocket.payload(0);
  }

  private void checkFree(long address, long sizeBytes) throws BadRequestException {
    if (sizeBytes <= 0
        || (address | sizeBytes) % Mmap.PAGE_BYTES != 0
        || Long.compareUnsigned(address + sizeBytes, address) < 0) {
      throw invalid(
          "a region is whole pages that do not wrap around: address=0x%x, size=0x%x"
              .formatted(address, sizeBytes));
    }
    Map.Entry<Long, Region> below = regions.floorEntry(address + sizeBytes - 1);
    if (below != null && Long.compareUnsigned(below.getValue().last(), address) >= 0) {
      throw new BadRequestException(
          Errno.EEXIST,
          "a region overlaps another one: address=0x%x, size=0x%x".formatted(address, sizeBytes));
    }
    if (regions.size() == limit.regions()) {
      throw new BadRequestException(
          limit.errno(), "there are %d regions already".formatted(limit.regions()));
    }
  }

  /** Maps a file, which is closed if that fails, and hands it over to the controller. */
  @SuppressWarnings("MustBeClosedChecker") // the mapping closes it
  private Mapping open(NativeFile file, int flags, long offset, long address, long sizeBytes)
      throws BadRequestException, LinuxException {
    Arena arena = Arena.ofConfined();
    boolean taken = false;
    boolean good = false;
    try {
      boolean sealed = checkFile(file, offset, sizeBytes);
      take(sizeBytes);
      taken = true;
      MemorySegment memory = map(file, flags, offset, sizeBytes, arena);
      if (!controller.map(address, memory)) {
        throw new BadRequestException(
            Errno.EEXIST, "the controller has memory there: address=0x%x".formatted(address));
      }
      good = true;
      return new Mapping(file, offset + sizeBytes, arena, sealed);
    } finally {
      if (!good) {
        arena.close();
        file.close();
        if (taken) {
          giveBack(sizeBytes);
        }
      }
    }
  }

  private void take(long sizeBytes) throws BadRequestException {
    if (sizeBytes > MappingBudget.MOST_BYTES_OF_CLIENT - mappedBytes) {
      throw new BadRequestException(
          Errno.ENOSPC,
          "a client has at most 0x%x bytes mapped: size=0x%x, mapped=0x%x"
              .formatted(MappingBudget.MOST_BYTES_OF_CLIENT, sizeBytes, mappedBytes));
    }
    budget.take(sizeBytes);
    mappedBytes += sizeBytes;
  }

  private void giveBack(long sizeBytes) {
    budget.giveBack(sizeBytes);
    mappedBytes -= sizeBytes;
  }

  /** Returns whether the file can never get shorter. */
  private static boolean checkFile(NativeFile file, long offset, long sizeBytes)
      throws BadRequestException {
    // Before the look at the size, so that it holds where it can be made to hold.
    boolean sealed = file.keepFromShrinking();
    BasicFileAttributes attributes;
    try {
      attributes = attributes(file);
    } catch (IOException e) {
      throw invalid("the descriptor of a region cannot be looked at: " + e.getMessage());
    }
    if (!attributes.isRegularFile()) {
      throw invalid("the descriptor of a region is no file");
    }
    if (offset < 0 || offset % Mmap.PAGE_BYTES != 0 || offset > attributes.size() - sizeBytes) {
      throw invalid(
          "a region is not within its file: offset=0x%x, size=0x%x, file=0x%x"
              .formatted(offset, sizeBytes, attributes.size()));
    }
    return sealed;
  }

  /** Unlike lseek(2) this leaves the file's offset alone, which the client shares. */
  private static BasicFileAttributes attributes(NativeFile file) throws IOException {
    return Files.readAttributes(Path.of("/proc/self/fd/" + file.fd()), BasicFileAttributes.class);
  }

  private static MemorySegment map(
      NativeFile file, int flags, long offset, long sizeBytes, Arena arena) throws LinuxException {
    if ((flags & Message.DMA_CAN_WRITE) != 0) {
      try {
        return Mmap.shared(file, offset, sizeBytes, arena);
      } catch (LinuxException e) {
        // Opened for reading only, or sealed against writing.
        if (e.errno() != Errno.EACCES && e.errno() != Errno.EPERM) {
          throw e;
        }
      }
    }
    return Mmap.sharedReadOnly(file, offset, sizeBytes, arena);
  }

  /** DMA_UNMAP: argsz, flags, address and size, which the reply repeats. */
  ByteBuffer unmap(Message message) throws BadRequestException {
    ByteBuffer request = message.payload();
    if (request.limit() < Message.DMA_UNMAP_BYTES || request.getInt(0) < Message.DMA_UNMAP_BYTES) {
      throw invalid("DMA_UNMAP is shorter than %d bytes".formatted(Message.DMA_UNMAP_BYTES));
    }
    if (request.getInt(4) != 0) {
      throw invalid("DMA_UNMAP has no flags: flags=" + request.getInt(4));
    }
    long address = request.getLong(8);
    Region region = regions.get(address);
    if (region == null || region.sizeBytes != request.getLong(16)) {
      throw new BadRequestException(
          Errno.ENOENT,
          "no region has this address and size: address=0x%x, size=0x%x"
              .formatted(address, request.getLong(16)));
    }
    regions.remove(address);
    release(region);
    return MessageSocket.payload(Message.DMA_UNMAP_BYTES)
        .put(0, request, 0, Message.DMA_UNMAP_BYTES);
  }

  private void release(Region region) {
    if (region.mapping != null) {
      controller.unmap(region.address);
      region.mapping.close();
      giveBack(region.sizeBytes);
    }
  }

  /** Whether a file has become shorter than what is mapped of it: touching the rest is SIGBUS. */
  boolean isTruncated() {
    return regions.values().stream().anyMatch(r -> r.mapping != null && r.mapping.isTruncated());
  }

  /** Whether it has mapped a file that can get shorter. */
  boolean mayShrink() {
    return regions.values().stream().anyMatch(r -> r.mapping != null && !r.mapping.sealed);
  }

  private static BadRequestException invalid(String message) {
    return new BadRequestException(Errno.EINVAL, message);
  }

  /** Gives all memory back; the controller is closed. */
  @Override
  public void close() {
    for (Region region : new ArrayList<>(regions.values())) {
      if (region.mapping != null) {
        region.mapping.close();
        giveBack(region.sizeBytes);
      }
    }
    regions.clear();
  }
}
