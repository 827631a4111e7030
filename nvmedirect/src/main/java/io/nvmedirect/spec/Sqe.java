package io.nvmedirect.spec;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.MemoryLayout.PathElement.sequenceElement;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A submission queue entry (NVMe 1.4, section 4.2, figures 104 and 105): 64 bytes, little-endian.
 *
 * <pre>
 *        31            16 15  14 13  10 9  8 7            0
 *   0   |  CID           | PSDT | rsvd |FUSE|    opcode    |
 *   4   |                       NSID                       |
 *   8   |                    CDW2, CDW3                    |
 *  16   |                 MPTR (8 bytes)                   |
 *  24   |      DPTR: PRP1, PRP2, or one SGL descriptor     |
 *  40   |                  CDW10 … CDW15                   |
 * </pre>
 *
 * <p>Encoding has two steps, for the command belongs to the driver and its data pointer to the
 * transport: one of the command methods writes the whole entry with CID and DPTR zero, and the
 * queue pair then sets {@link #setCommandId} and {@link #setPrps} or {@link #setSgl}. Counts that the
 * wire has zero-based are one-based here. Plain stores: the doorbell that follows publishes them.
 */
public final class Sqe {

  /** Size in bytes. */
  public static final int BYTES = 64;

  /** Bit of CDW12 of Read, Write, Compare, Verify and Write Zeroes: force unit access. */
  public static final int FUA = 1 << 30;

  /** Bit of CDW12 of Write Zeroes: the blocks may be deallocated. */
  public static final int DEALLOCATE = 1 << 25;

  /** Bit of CDW11 of Dataset Management: attribute deallocate. */
  public static final int DSM_DEALLOCATE = 1 << 2;

  /** Bytes of one range of Dataset Management (figure 362). */
  public static final int DSM_RANGE_BYTES = 16;

  /** Values of PSDT in the flags byte (bits 7:6): how DPTR is to be read. */
  public static final int PSDT_PRP = 0;

  public static final int PSDT_SGL = 1;
  public static final int PSDT_SGL_METADATA = 2;

  private static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final StructLayout LAYOUT =
      MemoryLayout.structLayout(
          U8.withName("opcode"),
          U8.withName("flags"),
          U16.withName("cid"),
          U32.withName("nsid"),
          U32.withName("cdw2"),
          U32.withName("cdw3"),
          U64.withName("mptr"),
          U64.withName("prp1"),
          U64.withName("prp2"),
          U32.withName("cdw10"),
          U32.withName("cdw11"),
          U32.withName("cdw12"),
          U32.withName("cdw13"),
          U32.withName("cdw14"),
          U32.withName("cdw15"));

  private static final VarHandle OPCODE = field("opcode");
  private static final VarHandle FLAGS = field("flags");
  private static final VarHandle CID = field("cid");
  private static final VarHandle NSID = field("nsid");
  private static final VarHandle MPTR = field("mptr");
  private static final VarHandle PRP1 = field("prp1");
  private static final VarHandle PRP2 = field("prp2");
  private static final VarHandle CDW10 = field("cdw10");
  private static final VarHandle CDW11 = field("cdw11");
  private static final VarHandle CDW12 = field("cdw12");
  private static final VarHandle CDW13 = field("cdw13");
  private static final VarHandle CDW14 = field("cdw14");
  private static final VarHandle CDW15 = field("cdw15");

  /** The entry as eight words of eight bytes. */
  private static final SequenceLayout QWORDS = MemoryLayout.sequenceLayout(BYTES / 8, U64);

  private static final VarHandle QWORD0 = qwordField(0);
  private static final VarHandle QWORD1 = qwordField(1);
  private static final VarHandle QWORD5 = qwordField(5);
  private static final VarHandle QWORD6 = qwordField(6);
  private static final VarHandle QWORD7 = qwordField(7);

  private Sqe() {}

  private static VarHandle qwordField(int index) {
    return QWORDS.varHandle(sequenceElement(index)).withInvokeExactBehavior();
  }

  private static VarHandle field(String name) {
    return LAYOUT.varHandle(groupElement(name)).withInvokeExactBehavior();
  }

  // ---- The NVM command set (section 6).

  /** Read {@code blocks} (1 to 65536) from {@code slba}; {@code flags}: {@link #FUA} or 0. */
  public static void read(
      MemorySegment ring, long offset, int nsid, long slba, int blocks, int flags) {
    blockCommand(ring, offset, Opcode.READ, nsid, slba, blocks, flags);
  }

  /** Write {@code blocks} (1 to 65536) from {@code slba}; {@code flags}: {@link #FUA} or 0. */
  public static void write(
      MemorySegment ring, long offset, int nsid, long slba, int blocks, int flags) {
    blockCommand(ring, offset, Opcode.WRITE, nsid, slba, blocks, flags);
  }

  /**
   * Any command of the NVM command set whose CDW10–12 are SLBA, NLB and flags: Read, Write,
   * Compare, Write Zeroes, Verify, Write Uncorrectable.
   *
   * @param blocks 1 to 65536
   */
  public static void blockCommand(
      MemorySegment ring, long offset, int opcode, int nsid, long slba, int blocks, int flags) {
    command(
        ring,
        offset,
        opcode,
        nsid,
        (int) slba,
        (int) (slba >>> 32),
        ((blocks - 1) & 0xFFFF) | flags,
        0,
        0,
        0);
  }

  /** Flush the volatile write cache of a namespace. */
  public static void flush(MemorySegment ring, long offset, int nsid) {
    command(ring, offset, Opcode.FLUSH, nsid, 0, 0, 0, 0, 0, 0);
  }

  /** Dataset Management over {@code ranges} (1 to 256) ranges in the data buffer. */
  public static void datasetManagement(
      MemorySegment ring, long offset, int nsid, int ranges, int attributes) {
    command(
        ring, offset, Opcode.DATASET_MANAGEMENT, nsid, (ranges - 1) & 0xFF, attributes, 0, 0, 0, 0);
  }

  /** One range of Dataset Management: context attributes 0, length in blocks, starting block. */
  public static void datasetRange(MemorySegment data, long offset, long slba, int blocks) {
    data.set(U32, offset, 0);
    data.set(U32, offset + 4, blocks);
    data.set(U64, offset + 8, slba);
  }

  // ---- The admin command set (section 5).

  /** Identify: {@code cns} selects the 4096-byte structure. */
  public static void identify(MemorySegment ring, long offset, int cns, int nsid) {
    command(ring, offset, Opcode.IDENTIFY, nsid, cns, 0, 0, 0, 0, 0);
  }

  /**
   * Create I/O Completion Queue, physically contiguous.
   *
   * @param entries queue size, 2 to 65536
   * @param vector interrupt vector, or −1 for no interrupts
   */
  public static void createIoCq(MemorySegment ring, long offset, int qid, int entries, int vector) {
    int contiguous = 1;
    int cdw11 = vector < 0 ? contiguous : vector << 16 | 1 << 1 | contiguous;
    command(ring, offset, Opcode.CREATE_IO_CQ, 0, ((entries - 1) << 16) | qid, cdw11, 0, 0, 0, 0);
  }

  /**
   * Create I/O Submission Queue, physically contiguous.
   *
   * @param entries queue size, 2 to 65536
   * @param priority QPRIO: 0 urgent, 1 high, 2 medium, 3 low; used by weighted round robin only
   */
  public static void createIoSq(
      MemorySegment ring, long offset, int qid, int entries, int cqid, int priority) {
    int cdw11 = cqid << 16 | priority << 1 | 1;
    command(ring, offset, Opcode.CREATE_IO_SQ, 0, ((entries - 1) << 16) | qid, cdw11, 0, 0, 0, 0);
  }

  public static void deleteIoSq(MemorySegment ring, long offset, int qid) {
    command(ring, offset, Opcode.DELETE_IO_SQ, 0, qid, 0, 0, 0, 0, 0);
  }

  public static void deleteIoCq(MemorySegment ring, long offset, int qid) {
    command(ring, offset, Opcode.DELETE_IO_CQ, 0, qid, 0, 0, 0, 0, 0);
  }

  /** Get Log Page; {@code lengthBytes} is a positive multiple of 4. */
  public static void getLogPage(
      MemorySegment ring, long offset, int nsid, int logPage, int lengthBytes, long logOffset) {
    int dwords = lengthBytes / 4 - 1;
    command(
        ring,
        offset,
        Opcode.GET_LOG_PAGE,
        nsid,
        dwords << 16 | logPage,
        dwords >>> 16,
        (int) logOffset,
        (int) (logOffset >>> 32),
        0,
        0);
  }

  public static void getFeatures(MemorySegment ring, long offset, int nsid, int feature) {
    command(ring, offset, Opcode.GET_FEATURES, nsid, feature, 0, 0, 0, 0, 0);
  }

  public static void setFeatures(
      MemorySegment ring, long offset, int nsid, int feature, int value) {
    command(ring, offset, Opcode.SET_FEATURES, nsid, feature, value, 0, 0, 0, 0);
  }

  /** Abort the command {@code cid} of submission queue {@code sqid}. */
  public static void abort(MemorySegment ring, long offset, int sqid, int cid) {
    command(ring, offset, Opcode.ABORT, 0, cid << 16 | sqid, 0, 0, 0, 0, 0);
  }

  public static void asyncEventRequest(MemorySegment ring, long offset) {
    command(ring, offset, Opcode.ASYNC_EVENT_REQUEST, 0, 0, 0, 0, 0, 0, 0);
  }

  /** Format NVM to an LBA format (0 to 15), without metadata or protection. */
  public static void formatNvm(
      MemorySegment ring, long offset, int nsid, int lbaFormat, int secureErase) {
    command(ring, offset, Opcode.FORMAT_NVM, nsid, secureErase << 9 | lbaFormat, 0, 0, 0, 0, 0);
  }

  /** Doorbell Buffer Config: PRP1 is the shadow doorbell page, PRP2 the EventIdx page. */
  public static void doorbellBufferConfig(MemorySegment ring, long offset) {
    command(ring, offset, Opcode.DOORBELL_BUFFER_CONFIG, 0, 0, 0, 0, 0, 0, 0);
  }

  /** Writes a whole entry; CID, PSDT, MPTR and DPTR are zero. */
  public static void command(
      MemorySegment ring,
      long offset,
      int opcode,
      int nsid,
      int cdw10,
      int cdw11,
      int cdw12,
      int cdw13,
      int cdw14,
      int cdw15) {
    // Eight stores of eight bytes: the entry is written for every I/O.
    QWORD0.set(ring, offset, (opcode & 0xFFL) | (long) nsid << 32);
    QWORD1.set(ring, offset, 0L);
    MPTR.set(ring, offset, 0L);
    PRP1.set(ring, offset, 0L);
    PRP2.set(ring, offset, 0L);
    QWORD5.set(ring, offset, qword(cdw10, cdw11));
    QWORD6.set(ring, offset, qword(cdw12, cdw13));
    QWORD7.set(ring, offset, qword(cdw14, cdw15));
  }

  private static long qword(int low, int high) {
    return (low & 0xFFFF_FFFFL) | (long) high << 32;
  }

  public static void setCommandId(MemorySegment ring, long offset, int cid) {
    CID.set(ring, offset, (short) cid);
  }

  public static void setPrps(MemorySegment ring, long offset, long prp1, long prp2) {
    PRP1.set(ring, offset, prp1);
    PRP2.set(ring, offset, prp2);
  }

  /**
   * Makes an SGL descriptor the data pointer, and says so in PSDT.
   *
   * @param identifier {@link Sgl#DATA_BLOCK} or {@link Sgl#LAST_SEGMENT}
   */
  public static void setSgl(
      MemorySegment ring, long offset, long address, long lengthBytes, int identifier) {
    FLAGS.set(ring, offset, (byte) (PSDT_SGL << 6));
    PRP1.set(ring, offset, address);
    PRP2.set(ring, offset, Sgl.word(lengthBytes, identifier));
  }

  // ---- Fields, for who receives the entry.

  public static int opcode(MemorySegment entry, long offset) {
    return (byte) OPCODE.get(entry, offset) & 0xFF;
  }

  /** FUSE: 0 for a normal command. */
  public static int fuse(MemorySegment entry, long offset) {
    return (byte) FLAGS.get(entry, offset) & 3;
  }

  /** PSDT: one of {@link #PSDT_PRP}, {@link #PSDT_SGL}, {@link #PSDT_SGL_METADATA}, or 3. */
  public static int psdt(MemorySegment entry, long offset) {
    return ((byte) FLAGS.get(entry, offset) & 0xFF) >>> 6;
  }

  public static int commandId(MemorySegment entry, long offset) {
    return (short) CID.get(entry, offset) & 0xFFFF;
  }

  public static int nsid(MemorySegment entry, long offset) {
    return (int) NSID.get(entry, offset);
  }

  public static long prp1(MemorySegment entry, long offset) {
    return (long) PRP1.get(entry, offset);
  }

  public static long prp2(MemorySegment entry, long offset) {
    return (long) PRP2.get(entry, offset);
  }

  public static int cdw10(MemorySegment entry, long offset) {
    return (int) CDW10.get(entry, offset);
  }

  public static int cdw11(MemorySegment entry, long offset) {
    return (int) CDW11.get(entry, offset);
  }

  public static int cdw12(MemorySegment entry, long offset) {
    return (int) CDW12.get(entry, offset);
  }

  public static int cdw13(MemorySegment entry, long offset) {
    return (int) CDW13.get(entry, offset);
  }

  public static int cdw14(MemorySegment entry, long offset) {
    return (int) CDW14.get(entry, offset);
  }

  public static int cdw15(MemorySegment entry, long offset) {
    return (int) CDW15.get(entry, offset);
  }

  /** SLBA of a block command: CDW11:CDW10. */
  public static long slba(MemorySegment entry, long offset) {
    long low = (int) CDW10.get(entry, offset) & 0xFFFF_FFFFL;
    long high = (int) CDW11.get(entry, offset);
    return (high << 32) | low;
  }

  /** Number of blocks of a block command, 1 to 65536. */
  public static int blocks(MemorySegment entry, long offset) {
    return ((int) CDW12.get(entry, offset) & 0xFFFF) + 1;
  }
}
