package io.nvmedirect.spec;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A completion queue entry (NVMe 1.4, section 4.6, figures 122 to 125): 16 bytes, little-endian.
 *
 * <pre>
 *        31   30   29 28  27  25 24    17  16  15            0
 *   0   |              command specific (DW0)                |
 *   4   |                    reserved                        |
 *   8   |        SQ identifier         |       SQ head       |
 *  12   | DNR | M | CRD |  SCT  |  SC  | P |      CID        |
 * </pre>
 *
 * <p>The phase tag P says whether the entry is new. {@link #dw3} is an acquire read so that DW0 to
 * DW2, read after it, are those of the same entry; {@link #publish} is a release store last so that
 * a reader that sees the phase sees the rest.
 */
public final class Cqe {

  /** Size in bytes. */
  public static final int BYTES = 16;

  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final StructLayout LAYOUT =
      MemoryLayout.structLayout(
          U32.withName("dw0"), U32.withName("dw1"), U32.withName("dw2"), U32.withName("dw3"));

  private static final VarHandle DW0 = field("dw0");
  private static final VarHandle DW1 = field("dw1");
  private static final VarHandle DW2 = field("dw2");
  private static final VarHandle DW3 = field("dw3");

  private Cqe() {}

  private static VarHandle field(String name) {
    return LAYOUT.varHandle(groupElement(name)).withInvokeExactBehavior();
  }

  /** DW3 with acquire order: read it before the other fields. */
  public static int dw3(MemorySegment ring, long offset) {
    return (int) DW3.getAcquire(ring, offset);
  }

  /** The phase tag of a DW3: 0 or 1. */
  public static int phase(int dw3) {
    return dw3 >>> 16 & 1;
  }

  public static int commandId(int dw3) {
    return dw3 & 0xFFFF;
  }

  /** The 15-bit status field of a DW3, as {@link Status} reads it. */
  public static int status(int dw3) {
    return dw3 >>> 17;
  }

  /** The command specific result. */
  public static int result(MemorySegment ring, long offset) {
    return (int) DW0.get(ring, offset);
  }

  public static int sqHead(MemorySegment ring, long offset) {
    return (int) DW2.get(ring, offset) & 0xFFFF;
  }

  public static int sqId(MemorySegment ring, long offset) {
    return (int) DW2.get(ring, offset) >>> 16;
  }

  /** Writes an entry and publishes it with its phase. */
  public static void publish(
      MemorySegment ring,
      long offset,
      int result,
      int sqHead,
      int sqId,
      int cid,
      int status,
      int phase) {
    DW0.set(ring, offset, result);
    DW1.set(ring, offset, 0);
    DW2.set(ring, offset, sqId << 16 | sqHead);
    // Release so that whoever sees the new phase sees DW0 to DW2 and the data of the command.
    DW3.setRelease(ring, offset, status << 17 | phase << 16 | cid);
  }
}
