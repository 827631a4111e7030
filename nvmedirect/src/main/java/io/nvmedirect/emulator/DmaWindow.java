package io.nvmedirect.emulator;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A contiguous part of host memory that the device uses for long: a queue or a doorbell buffer. The
 * translation is kept until the IOMMU's table changes.
 */
final class DmaWindow {

  private final Iommu iommu;
  private final long iova;
  private final long lengthBytes;
  private Iommu.@Nullable Table seen;

  /** The memory, as of the last {@link #refresh}. */
  MemorySegment memory = MemorySegment.NULL;

  /** Where the window begins in {@link #memory}. */
  long offset;

  DmaWindow(Iommu iommu, long iova, long lengthBytes) {
    this.iommu = iommu;
    this.iova = iova;
    this.lengthBytes = lengthBytes;
  }

  /**
   * Translates anew if the table has changed.
   *
   * @return whether all of the window is mapped
   */
  boolean refresh() {
    Iommu.Table table = iommu.table();
    return table.equals(seen) || translate(table);
  }

  private boolean translate(Iommu.Table table) {
    int i = table.find(iova);
    if (i < 0 || lengthBytes > table.ends[i] - iova) {
      seen = null;
      return false;
    }
    memory = table.segments[i];
    offset = iova - table.starts[i];
    seen = table;
    return true;
  }
}
