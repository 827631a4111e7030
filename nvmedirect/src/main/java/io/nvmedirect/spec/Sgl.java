package io.nvmedirect.spec;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Scatter gather list descriptors (NVMe 1.4, section 4.4, figures 112 to 117): 16 bytes,
 * little-endian.
 *
 * <pre>
 *        63     60 59       56 55      32 31              0
 *   0   |                     address                      |
 *   8   |  type   |  sub type | reserved |     length      |
 * </pre>
 *
 * The sub type is always 0: the address is one. Plain stores: the doorbell that follows publishes them.
 */
public final class Sgl {

  /** Size in bytes. */
  public static final int BYTES = 16;

  /** SGL identifier of a Data Block descriptor: {@code length} bytes of data at the address. */
  public static final int DATA_BLOCK = 0x00;

  /** Of a Last Segment descriptor: {@code length} bytes of descriptors at the address, the last ones. */
  public static final int LAST_SEGMENT = 0x30;

  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final StructLayout LAYOUT =
      MemoryLayout.structLayout(U64.withName("address"), U64.withName("word"));

  private static final VarHandle ADDRESS = field("address");
  private static final VarHandle WORD = field("word");

  private Sgl() {}

  private static VarHandle field(String name) {
    return LAYOUT.varHandle(groupElement(name)).withInvokeExactBehavior();
  }

  /**
   * Writes a descriptor.
   *
   * @param lengthBytes 0 to 2^32 − 1
   * @param identifier {@link #DATA_BLOCK} or {@link #LAST_SEGMENT}
   */
  public static void descriptor(
      MemorySegment list, long offset, long address, long lengthBytes, int identifier) {
    ADDRESS.set(list, offset, address);
    WORD.set(list, offset, word(lengthBytes, identifier));
  }

  /** The second half of a descriptor. */
  static long word(long lengthBytes, int identifier) {
    return (long) identifier << 56 | lengthBytes;
  }
}
