package io.nvmedirect.emulator;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.sysfs.ExclusiveClaim;
import io.nvmedirect.sysfs.Roots;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Blocks in a file or block device that nobody else has while this process may write to it. Written data is in the kernel's page cache until
 * {@link #flush}: the volatile write cache of the controller.
 *
 * <p>The size never changes: a file that somebody else truncates gives errors where it has no bytes
 * left, and takes no more writes, rather than growing again with holes in place of data.
 */
final class FileMedia implements Media {

  private static final int ZEROES_BYTES = 1 << 20;

  private final NativeFile file;

  /** Of a file that was there before and may be written to. */
  private final @Nullable ExclusiveClaim claim;

  private final Path path;
  private final long sizeBytes;

  /** Ranges that are deallocated begin and end at multiples of it. */
  private final int holeBytes;

  private final MemorySegment lastByte = Arena.ofAuto().allocate(1);

  /** Whether something was written since the last flush. */
  private boolean dirty;

  /** The kernel forgets pages that it could not write back, so one failure is for good. */
  private boolean flushFailed;

  private FileMedia(NativeFile file, @Nullable ExclusiveClaim claim, Path path, long sizeBytes) {
    this.file = file;
    this.claim = claim;
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.holeBytes = file.holeBytes();
  }

  /** Opens the file of a {@code file:} address, or creates it if the address has a size. */
  static FileMedia open(EmulatorOptions options, Path path) throws NvmeException {
    try {
      return options.readOnly() ? openToRead(options, path) : openExisting(options, path);
    } catch (LinuxException e) {
      if (e.errno() != Errno.ENOENT) {
        throw failed(options, path, e);
      }
    } catch (NvmeException e) {
      throw e;
    } catch (IOException e) {
      throw new NvmeException(options.address() + ": " + e.getMessage(), e);
    }
    if (options.readOnly()) {
      throw new NvmeException(
          "%s: there is no file %s, and opening it for reading only does not create it"
              .formatted(options.address(), path));
    }
    if (options.sizeBytes() == EmulatorOptions.SIZE_OF_FILE) {
      String separator = options.address().contains("?") ? "&" : "?";
      throw new NvmeException(
          "%s: there is no file %s; add %ssize= (for example %s%ssize=1GiB) to create it"
              .formatted(options.address(), path, separator, options.address(), separator));
    }
    try {
      return create(options, path);
    } catch (LinuxException e) {
      throw failed(options, path, e);
    }
  }

  private static NvmeException failed(EmulatorOptions options, Path path, LinuxException e) {
    String what =
        switch (e.errno()) {
          case Errno.EISDIR -> path + " is a directory; name a file in it";
          case Errno.ENOENT -> "the directory of " + path + " does not exist; create it first";
          case Errno.EACCES, Errno.EPERM, Errno.EROFS ->
              options.readOnly()
                  ? "no permission to read " + path
                  : "no permission to write " + path + "; it may be opened for reading only";
          case Errno.ENOSPC, Errno.EDQUOT -> "no space for " + path;
          case Errno.EFBIG -> "the file system has no files of " + options.sizeBytes() + " bytes";
          default -> "cannot open " + path;
        };
    return new NvmeException(options.address() + ": " + what + " (" + e.getMessage() + ")", e);
  }

  private static FileMedia openExisting(EmulatorOptions options, Path path) throws IOException {
    ExclusiveClaim claim = ExclusiveClaim.of(Roots.local(), path);
    try {
      return new FileMedia(claim.file(), claim, path, size(options, path, claim.file()));
    } catch (LinuxException | NvmeException e) {
      claim.close();
      throw e;
    }
  }

  private static FileMedia openToRead(EmulatorOptions options, Path path) throws IOException {
    if (Files.isDirectory(path)) {
      throw new NvmeException(
          "%s: %s is a directory; name a file in it".formatted(options.address(), path));
    }
    NativeFile file = NativeFile.openToRead(path);
    try {
      return new FileMedia(file, null, path, size(options, path, file));
    } catch (LinuxException | NvmeException e) {
      file.close();
      throw e;
    }
  }

  private static long size(EmulatorOptions options, Path path, NativeFile file)
      throws LinuxException, NvmeException {
    long size = file.size();
    checkSize(options, path, size);
    return size;
  }

  private static void lock(EmulatorOptions options, Path path, NativeFile file)
      throws LinuxException, NvmeException {
    if (!file.tryLock()) {
      throw new NvmeException(
          "%s: another process or device has %s open; close it there first"
              .formatted(options.address(), path));
    }
  }

  private static void checkSize(EmulatorOptions options, Path path, long size)
      throws NvmeException {
    if (options.sizeBytes() != EmulatorOptions.SIZE_OF_FILE && options.sizeBytes() != size) {
      throw new NvmeException(
          "%s: %s has %d bytes and the address says size=%d; leave size= out, or name another file"
              .formatted(options.address(), path, size, options.sizeBytes()));
    }
    long unit = options.unitBytes();
    if (size == 0 || size % unit != 0) {
      throw new NvmeException(
          "%s: %s has %d bytes, which is no positive multiple of %d (lba=%d × ns=%d)"
              .formatted(
                  options.address(), path, size, unit, options.lbaBytes(), options.namespaces()));
    }
  }

  private static FileMedia create(EmulatorOptions options, Path path)
      throws LinuxException, NvmeException {
    NativeFile file = NativeFile.create(path);
    try {
      lock(options, path, file);
      file.truncate(options.sizeBytes());
      return new FileMedia(file, null, path, options.sizeBytes());
    } catch (LinuxException | NvmeException e) {
      file.close();
      removeCreated(path, e);
      throw e;
    }
  }

  private static void removeCreated(Path path, IOException cause) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void read(long position, MemorySegment to, long offset, long lengthBytes)
      throws IOException {
    if (file.read(to.asSlice(offset, lengthBytes), position) != lengthBytes) {
      throw truncated();
    }
  }

  /**
   * Linux copies into the page cache page by page of the file, and ends a write early, for SIGKILL as for
   * what it finds no space for, only between two of them. So of blocks that each are in one page of the
   * file none is torn, if all of a block comes by one call; what the call has written is whole pages, or
   * up to the end. Not kept: by a file system with blocks smaller than a page (XFS ends early between two
   * of those), and where the page cache goes to the disk at a power cut by what the disk keeps.
   */
  @Override
  public void write(long position, MemorySegment from, long offset, long lengthBytes)
      throws IOException {
    checkNotTruncated();
    dirty = true;
    file.write(from.asSlice(offset, lengthBytes), position);
  }

  @Override
  public void discard(long position, long lengthBytes) throws IOException {
    checkNotTruncated();
    dirty = true;
    long end = position + lengthBytes;
    long firstHole = Math.min(end, (position + holeBytes - 1) / holeBytes * holeBytes);
    long lastHole = Math.max(firstHole, end / holeBytes * holeBytes);
    writeZeroes(position, firstHole - position);
    if (lastHole > firstHole && !file.punchHole(firstHole, lastHole - firstHole)) {
      writeZeroes(firstHole, lastHole - firstHole);
    }
    writeZeroes(lastHole, end - lastHole);
  }

  private void writeZeroes(long position, long lengthBytes) throws IOException {
    if (lengthBytes == 0) {
      return;
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment zeroes = arena.allocate(Math.min(ZEROES_BYTES, lengthBytes));
      for (long done = 0; done < lengthBytes; ) {
        long length = Math.min(zeroes.byteSize(), lengthBytes - done);
        file.write(zeroes.asSlice(0, length), position + done);
        done += length;
      }
    }
  }

  /** The last byte of the file is there as long as nobody truncated it. */
  private void checkNotTruncated() throws IOException {
    if (file.read(lastByte, sizeBytes - 1) != 1) {
      throw truncated();
    }
  }

  private IOException truncated() {
    return new IOException(path + " has been truncated; it had " + sizeBytes + " bytes");
  }

  @Override
  public void flush() throws IOException {
    if (flushFailed) {
      throw new IOException("data of " + path + " was lost in an earlier flush");
    }
    if (dirty) {
      // An Error comes before the system call, and the data is as dirty as it was. The kernel tells
      // of what
      // it could not write once, so that is remembered before anything else can fail.
      int result = file.tryForce();
      flushFailed = result < 0;
      file.checkForce(result);
      dirty = false;
    }
  }

  @Override
  public void close() {
    file.close();
    if (claim != null) {
      claim.close();
    }
  }
}
