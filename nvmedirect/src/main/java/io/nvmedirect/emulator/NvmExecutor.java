package io.nvmedirect.emulator;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Executes the NVM command set (NVMe 1.4, section 6). A command is checked as a whole before it
 * changes anything. Owned by the engine; Read and Write allocate nothing.
 *
 * <p>With the null model no data moves and no host memory is touched: commands are checked, data
 * pointers are not followed, and Compare and Verify find what they look for.
 */
final class NvmExecutor {

  private static final int ALL_NAMESPACES = 0xFFFF_FFFF;

  /** Whole blocks of any format. */
  private static final int SCRATCH_BYTES = 64 << 10;

  /** Data that costs as much as a command. */
  private static final int COST_SHIFT = 14;

  /** What a flush costs. */
  private static final int FLUSH_COST = 16;

  private static final long MAX_RANGE_BLOCKS = 0xFFFF_FFFFL;

  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final EmulatedController controller;
  private final boolean flushesAll;

  /** Bit n is for opcode n: whether it is offered, and whether it fails because it changes data. */
  private final long offered;

  private final long writeProtected;
  private final EmulatedNamespace[] namespaces;

  /** By NSID − 1: it was replaced under the host, whose lengths in blocks mean what they did before. */
  private final boolean[] blocked;

  private final Media media;

  /** In place of the media; null if the media has the blocks. */
  private final @Nullable Forwarding forwarding;

  private final DataPointer data;
  private final Features features;
  private final Health health;
  private final long maxTransferBytes;
  private final boolean nullModel;

  /** Whether pages of the host's memory may go one by one: those of another process's files. */
  private final boolean mayLosePages;

  private final int mostPsdt;
  private int cost;
  private final MemorySegment scratch = Arena.ofAuto().allocate(SCRATCH_BYTES, 4096);

  /** What the host compares with. */
  private final MemorySegment compared = Arena.ofAuto().allocate(SCRATCH_BYTES, 4096);

  NvmExecutor(
      EmulatedController controller,
      Traits traits,
      EmulatedNamespace[] namespaces,
      Media media,
      @Nullable Forwarding forwarding,
      DataPointer data,
      Features features,
      Health health) {
    this.controller = controller;
    this.flushesAll = traits.local();
    this.offered = opcodes(traits::offers);
    this.writeProtected = traits.readOnly() ? opcodes(Traits::changesBlocks) : 0;
    this.namespaces = namespaces;
    this.blocked = new boolean[namespaces.length];
    this.media = media;
    this.forwarding = forwarding;
    this.data = data;
    this.features = features;
    this.health = health;
    this.maxTransferBytes = traits.maxTransferBytes();
    this.mostPsdt = traits.sgl() == EmulatorOptions.Sgl.OFF ? Sqe.PSDT_PRP : Sqe.PSDT_SGL_METADATA;
    this.nullModel = traits.model() == EmulatorOptions.Model.NULL;
    this.mayLosePages = traits.shared();
  }

  private static long opcodes(IntPredicate which) {
    return IntStream.range(0, Long.SIZE)
        .filter(which)
        .mapToLong(opcode -> 1L << opcode)
        .reduce(0, (a, b) -> a | b);
  }

  /** Fails commands of a namespace until {@link #identified}. */
  void block(EmulatedNamespace namespace) {
    for (int i = 0; i < namespaces.length; i++) {
      blocked[i] |= namespaces[i].number == namespace.number;
    }
  }

  /** The host has learned what a namespace is now. */
  void identified(int nsid) {
    if (nsid > 0 && nsid <= blocked.length) {
      blocked[nsid - 1] = false;
    }
  }

  void reset() {
    Arrays.fill(blocked, false);
  }

  /** About how long the last command took, in units of a small one: 1 or more. */
  int cost() {
    return cost;
  }

  /**
   * Executes a command.
   *
   * @return its status, or {@link Forwarding#PENDING}
   */
  int execute(DeviceSubmissionQueue queue, MemorySegment command) {
    cost = 1;
    try {
      return dispatch(queue, command);
    } catch (LinuxException e) {
      return failed(command, e.errno());
    } catch (IOException e) {
      return failed(command, Errno.EIO);
    } catch (IllegalStateException
        | WrongThreadException
        | IllegalArgumentException
        | UnsupportedOperationException e) {
      return Status.DATA_TRANSFER_ERROR; // host memory was freed under the command, or is read-only
    }
  }

  private int failed(MemorySegment command, int errno) {
    if (errno == Errno.EFAULT) {
      return Status.DATA_TRANSFER_ERROR; // it is the host's memory that is not there
    }
    health.mediaErrors++;
    int opcode = Sqe.opcode(command, 0);
    if (opcode == Opcode.READ || opcode == Opcode.COMPARE || opcode == Opcode.VERIFY) {
      return Status.UNRECOVERED_READ_ERROR;
    }
    return errno == Errno.ENOSPC || errno == Errno.EDQUOT
        ? Status.CAPACITY_EXCEEDED | Status.DNR
        : Status.WRITE_FAULT;
  }

  private int dispatch(DeviceSubmissionQueue queue, MemorySegment command) throws IOException {
    int opcode = Sqe.opcode(command, 0);
    if (opcode >= Long.SIZE || (offered >>> opcode & 1) == 0) {
      return Status.INVALID_OPCODE | Status.DNR;
    }
    if (Sqe.fuse(command, 0) != 0 || Sqe.psdt(command, 0) > mostPsdt) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    int nsid = Sqe.nsid(command, 0);
    if (opcode == Opcode.FLUSH && nsid == ALL_NAMESPACES && flushesAll) {
      return flush(queue, command, namespaces[0]);
    }
    if (nsid <= 0 || nsid > namespaces.length) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    if (blocked[nsid - 1]) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    EmulatedNamespace namespace = namespaces[nsid - 1];
    if ((writeProtected >>> opcode & 1) != 0) {
      return Status.NAMESPACE_WRITE_PROTECTED | Status.DNR;
    }
    return switch (opcode) {
      case Opcode.FLUSH -> flush(queue, command, namespace);
      case Opcode.DATASET_MANAGEMENT -> datasetManagement(queue, command, namespace);
      default -> blocks(queue, command, opcode, namespace);
    };
  }

  private int blocks(
      DeviceSubmissionQueue queue, MemorySegment command, int opcode, EmulatedNamespace namespace)
      throws IOException {
    long slba = Sqe.slba(command, 0);
    int blocks = Sqe.blocks(command, 0);
    long bytes = namespace.bytes(blocks);
    boolean transfers = opcode == Opcode.READ || opcode == Opcode.WRITE || opcode == Opcode.COMPARE;
    if (transfers && bytes > maxTransferBytes) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    if (!namespace.contains(slba, blocks)) {
      return Status.LBA_OUT_OF_RANGE | Status.DNR;
    }
    if (!nullModel) {
      cost += (int) (bytes >>> COST_SHIFT);
    }
    if (forwarding != null) {
      return forward(queue, command, namespace, slba, transfers ? (int) bytes : 0, blocks);
    }
    return switch (opcode) {
      case Opcode.READ -> read(command, namespace, slba, blocks, bytes);
      case Opcode.WRITE -> write(command, namespace, slba, blocks, bytes);
      case Opcode.COMPARE -> compare(command, namespace, slba, blocks, bytes);
      case Opcode.VERIFY -> verify(namespace, slba, blocks, bytes);
      case Opcode.WRITE_ZEROES -> writeZeroes(command, namespace, slba, blocks, bytes);
      default -> writeUncorrectable(namespace, slba, blocks);
    };
  }

  /** Without a volatile write cache of the host's, every write forces unit access. */
  private int flags(MemorySegment command) {
    return switch (Sqe.opcode(command, 0)) {
      case Opcode.READ -> Sqe.cdw12(command, 0) & Sqe.FUA;
      case Opcode.WRITE, Opcode.WRITE_ZEROES ->
          features.writeCacheEnabled() ? Sqe.cdw12(command, 0) & Sqe.FUA : Sqe.FUA;
      default -> 0;
    };
  }

  private int forward(
      DeviceSubmissionQueue queue,
      MemorySegment command,
      EmulatedNamespace namespace,
      long slba,
      int bytes,
      int count) {
    return Objects.requireNonNull(forwarding)
        .begin(
            controller,
            queue,
            command,
            bytes == 0 ? null : data,
            namespace.number,
            flags(command),
            slba,
            bytes,
            count);
  }

  private int read(
      MemorySegment command, EmulatedNamespace namespace, long slba, int blocks, long bytes)
      throws IOException {
    if (nullModel) {
      health.read(bytes);
      return Status.SUCCESS;
    }
    if (namespace.isUncorrectable(slba, blocks)) {
      return uncorrectable();
    }
    if (forcesUnitAccess(command)) {
      flushMedia();
    }
    int status = data.resolve(command, bytes);
    if (status != Status.SUCCESS) {
      return status;
    }
    long position = namespace.position(slba);
    int pieces = data.count();
    for (int i = 0; i < pieces; i++) {
      long length = data.length(i);
      media.read(position, data.segment(i), data.offset(i), length);
      position += length;
    }
    health.read(bytes);
    return Status.SUCCESS;
  }

  private int write(
      MemorySegment command, EmulatedNamespace namespace, long slba, int blocks, long bytes)
      throws IOException {
    if (nullModel) {
      health.wrote(bytes);
      return Status.SUCCESS;
    }
    int status = data.resolve(command, bytes);
    if (status != Status.SUCCESS) {
      return status;
    }
    long position = namespace.position(slba);
    if (data.isWholeBlocks((int) namespace.bytes(1), mayLosePages)) {
      writePieces(position);
    } else {
      writeGathered(position, bytes);
    }
    makeDurable(command);
    namespace.written(slba, blocks);
    health.wrote(bytes);
    return Status.SUCCESS;
  }

  private void writePieces(long position) throws IOException {
    long at = position;
    int pieces = data.count();
    for (int i = 0; i < pieces; i++) {
      long length = data.length(i);
      media.write(at, data.segment(i), data.offset(i), length);
      at += length;
    }
  }

  /**
   * A block is atomic (AWUPF): all of its pieces are there before any of it is written, and then it is
   * written at once. A write that ends in the midst leaves the block as it was, whether memory of the
   * host's is gone or the process.
   */
  private void writeGathered(long position, long bytes) throws IOException {
    for (long done = 0; done < bytes; ) {
      long length = Math.min(SCRATCH_BYTES, bytes - done);
      data.take(scratch, length);
      media.write(position + done, scratch, 0, length);
      done += length;
    }
  }

  private static boolean forcesUnitAccess(MemorySegment command) {
    return (Sqe.cdw12(command, 0) & Sqe.FUA) != 0;
  }

  /** A write that forces unit access, or any without a volatile write cache, is durable at its end. */
  private void makeDurable(MemorySegment command) throws IOException {
    if (forcesUnitAccess(command) || !features.writeCacheEnabled()) {
      flushMedia();
    }
  }

  private void flushMedia() throws IOException {
    cost += FLUSH_COST;
    media.flush();
  }

  private int uncorrectable() {
    health.mediaErrors++;
    return Status.UNRECOVERED_READ_ERROR | Status.DNR;
  }

  private int compare(
      MemorySegment command, EmulatedNamespace namespace, long slba, int blocks, long bytes)
      throws IOException {
    if (nullModel) {
      health.read(bytes);
      return Status.SUCCESS;
    }
    if (namespace.isUncorrectable(slba, blocks)) {
      return uncorrectable();
    }
    int status = data.resolve(command, bytes);
    if (status != Status.SUCCESS) {
      return status;
    }
    health.read(bytes);
    long position = namespace.position(slba);
    for (int i = 0; i < data.count(); i++) {
      long length = data.length(i);
      if (!isEqual(position, data.segment(i), data.offset(i), length)) {
        return Status.COMPARE_FAILURE | Status.DNR;
      }
      position += length;
    }
    return Status.SUCCESS;
  }

  /**
   * Compares with a copy. Memory of a host in another process may be gone (SIGBUS): copying and single
   * accesses end with an InternalError then, but a comparison in native code would end the JVM.
   */
  private boolean isEqual(long position, MemorySegment segment, long offset, long lengthBytes)
      throws IOException {
    for (long done = 0; done < lengthBytes; ) {
      long length = Math.min(SCRATCH_BYTES, lengthBytes - done);
      media.read(position + done, scratch, 0, length);
      MemorySegment.copy(segment, offset + done, compared, 0, length);
      if (MemorySegment.mismatch(scratch, 0, length, compared, 0, length) >= 0) {
        return false;
      }
      done += length;
    }
    return true;
  }

  private int verify(EmulatedNamespace namespace, long slba, int blocks, long bytes)
      throws IOException {
    if (nullModel) {
      return Status.SUCCESS;
    }
    if (namespace.isUncorrectable(slba, blocks)) {
      return uncorrectable();
    }
    long position = namespace.position(slba);
    for (long done = 0; done < bytes; ) {
      long length = Math.min(SCRATCH_BYTES, bytes - done);
      media.read(position + done, scratch, 0, length);
      done += length;
    }
    return Status.SUCCESS;
  }

  /** With DEAC or without it the blocks are deallocated, for those read as zeroes (DLFEAT). */
  private int writeZeroes(
      MemorySegment command, EmulatedNamespace namespace, long slba, int blocks, long bytes)
      throws IOException {
    if (!nullModel) {
      media.discard(namespace.position(slba), bytes);
      makeDurable(command);
      namespace.written(slba, blocks);
    }
    return Status.SUCCESS;
  }

  private int writeUncorrectable(EmulatedNamespace namespace, long slba, int blocks) {
    if (nullModel || namespace.uncorrectable.add(slba, slba + blocks)) {
      return Status.SUCCESS;
    }
    return Status.INTERNAL_ERROR;
  }

  /** Of the attributes only deallocate has an effect; the others are hints (figure 361). */
  private int datasetManagement(
      DeviceSubmissionQueue queue, MemorySegment command, EmulatedNamespace namespace)
      throws IOException {
    if (nullModel) {
      return Status.SUCCESS;
    }
    int ranges = (Sqe.cdw10(command, 0) & 0xFF) + 1;
    cost += ranges;
    int status = data.resolve(command, (long) ranges * Sqe.DSM_RANGE_BYTES);
    if (status == Status.SUCCESS) {
      status = data.fromHost(scratch);
    }
    if (status != Status.SUCCESS || (Sqe.cdw11(command, 0) & Sqe.DSM_DEALLOCATE) == 0) {
      return status;
    }
    for (int i = 0; i < ranges; i++) {
      if (rangeBlocks(i) != 0 && !namespace.contains(rangeStart(i), rangeBlocks(i))) {
        return Status.LBA_OUT_OF_RANGE | Status.DNR;
      }
    }
    if (forwarding != null) {
      return forward(queue, command, namespace, 0, ranges * Sqe.DSM_RANGE_BYTES, ranges);
    }
    for (int i = 0; i < ranges; i++) {
      deallocate(namespace, rangeStart(i), rangeBlocks(i));
    }
    makeDurable(command);
    return Status.SUCCESS;
  }

  private void deallocate(EmulatedNamespace namespace, long slba, long blocks) throws IOException {
    if (blocks != 0) {
      media.discard(namespace.position(slba), namespace.bytes(blocks));
      namespace.written(slba, blocks);
    }
  }

  private long rangeBlocks(int range) {
    return scratch.get(U32, (long) range * Sqe.DSM_RANGE_BYTES + 4) & MAX_RANGE_BLOCKS;
  }

  private long rangeStart(int range) {
    return scratch.get(U64, (long) range * Sqe.DSM_RANGE_BYTES + 8);
  }

  private int flush(DeviceSubmissionQueue queue, MemorySegment command, EmulatedNamespace namespace)
      throws IOException {
    if (forwarding != null) {
      return forward(queue, command, namespace, 0, 0, 1);
    }
    if (!nullModel) {
      flushMedia();
    }
    return Status.SUCCESS;
  }

  /** Erases namespaces and gives them a format; what Format NVM does. */
  int format(EmulatedNamespace namespace, int format) {
    try {
      if (!nullModel) {
        media.discard(namespace.positionBytes, namespace.sizeBytes);
        media.flush();
      }
      namespace.format(format);
      return Status.SUCCESS;
    } catch (IOException e) {
      health.mediaErrors++;
      return Status.WRITE_FAULT;
    }
  }
}
