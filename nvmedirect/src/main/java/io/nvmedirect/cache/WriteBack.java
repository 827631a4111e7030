package io.nvmedirect.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Writes dirty sectors to the device and marks them clean; never a sector that is not dirty, for the
 * device may have a newer one. Owned by the holder of the cache's lock.
 */
final class WriteBack {

  private static final int MAX_PIECES = FrameMemory.STAGING_PAGES;

  private final Geometry geometry;
  private final PageDirectory directory;
  private final FrameMemory memory;
  private final PageSelection selection;

  // The run that is being gathered: adjacent sectors, each piece those of one page.
  private final int[] pieceFrames = new int[MAX_PIECES];
  private final int[] pieceSectors = new int[MAX_PIECES];
  private int pieces;
  private long runEnd;

  WriteBack(Geometry geometry, PageDirectory directory, FrameMemory memory) {
    this.geometry = geometry;
    this.directory = directory;
    this.memory = memory;
    this.selection = new PageSelection(geometry, directory);
  }

  /** Writes the dirty sectors of a page. At an error those that are not written stay dirty. */
  void writePage(Store store, int frame) throws IOException {
    for (int dirty = directory.dirty(frame); dirty != 0; dirty = directory.dirty(frame)) {
      writePiece(store, frame, Geometry.lowestRun(dirty));
    }
  }

  /**
   * Writes the dirty sectors that a range touches, in ascending position, up to 128 KiB of adjacent
   * ones at once. What cannot be written stays dirty, and the rest is written nevertheless.
   *
   * @throws IOException the first error, with the others suppressed
   */
  void writeRange(Store store, long position, long end) throws IOException {
    pieces = 0;
    if (directory.dirtyPages() == 0) {
      return;
    }
    selection.select(Geometry.pageOf(position), Geometry.pageOf(end - 1));
    IOException error = null;
    for (int i = 0; i < selection.count(); i++) {
      long page = selection.page(i);
      int frame = directory.find(page);
      int sectors = directory.dirty(frame) & geometry.sectorMask(page, position, end);
      while (sectors != 0) {
        int piece = Geometry.lowestRun(sectors);
        sectors &= ~piece;
        if (pieces == MAX_PIECES || geometry.runPosition(page, piece) != runEnd) {
          error = writeRun(store, error);
        }
        pieceFrames[pieces] = frame;
        pieceSectors[pieces] = piece;
        pieces++;
        runEnd = geometry.runPosition(page, piece) + geometry.runBytes(piece);
      }
    }
    error = writeRun(store, error);
    if (error != null) {
      throw error;
    }
  }

  /** Writes the run, at once or, if that fails, piece by piece; adds its errors to {@code error}. */
  private @Nullable IOException writeRun(Store store, @Nullable IOException error) {
    int count = pieces;
    pieces = 0;
    if (count > 1 && writeTogether(store, count)) {
      return error;
    }
    IOException errors = error;
    for (int piece = 0; piece < count; piece++) {
      try {
        writePiece(store, pieceFrames[piece], pieceSectors[piece]);
      } catch (IOException e) {
        errors = combine(errors, e);
      }
    }
    return errors;
  }

  /**
   * Writes the pieces with one write. If that fails it is not known which of them did: each is then
   * written alone, so that one bad sector does not keep its neighbours from the device.
   */
  private boolean writeTogether(Store store, int count) {
    try {
      MemorySegment staging = memory.staging();
      int bytes = 0;
      for (int piece = 0; piece < count; piece++) {
        int sectors = pieceSectors[piece];
        int length = geometry.runBytes(sectors);
        MemorySegment from = memory.frame(pieceFrames[piece]);
        MemorySegment.copy(from, geometry.runOffset(sectors), staging, bytes, length);
        bytes += length;
      }
      long page = directory.page(pieceFrames[0]);
      store.write(staging.asSlice(0, bytes), geometry.runPosition(page, pieceSectors[0]));
    } catch (IOException e) {
      return false;
    }
    for (int piece = 0; piece < count; piece++) {
      directory.markClean(pieceFrames[piece], pieceSectors[piece]);
    }
    return true;
  }

  private void writePiece(Store store, int frame, int sectors) throws IOException {
    MemorySegment from =
        memory.frame(frame).asSlice(geometry.runOffset(sectors), geometry.runBytes(sectors));
    store.write(from, geometry.runPosition(directory.page(frame), sectors));
    directory.markClean(frame, sectors);
  }

  /** The first error with the later one suppressed; a store may throw the same object twice. */
  @SuppressWarnings("ReferenceEquality") // an exception cannot suppress itself
  static IOException combine(@Nullable IOException first, IOException later) {
    if (first == null) {
      return later;
    }
    if (first != later) {
      first.addSuppressed(later);
    }
    return first;
  }
}
