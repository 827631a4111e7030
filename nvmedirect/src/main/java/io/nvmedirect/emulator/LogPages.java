package io.nvmedirect.emulator;

import io.nvmedirect.spec.LogPage;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** The log pages that Get Log Page returns (NVMe 1.4, section 5.14). Owned by the engine. */
final class LogPages {

  private static final int ALL_NAMESPACES = 0xFFFF_FFFF;
  private static final int RETAIN_EVENT = 1 << 15;

  // Commands Supported and Effects (figure 200).
  private static final int SUPPORTED = 1;
  private static final int CHANGES_BLOCKS = 1 << 1;
  private static final int CHANGES_NAMESPACE = 1 << 2;
  private static final int ALONE_ON_NAMESPACE = 1 << 16;

  private final Traits traits;
  private final Health health;
  private final Features features;
  private final AsyncEvents events;

  private static final int MOST_CHANGED = 1024;

  /** Namespaces whose Identify data has changed since the host read of it, by NSID. */
  private final BitSet changedNamespaces = new BitSet();

  private long offset;
  private int lengthBytes;

  LogPages(Traits traits, Health health, Features features, AsyncEvents events) {
    this.traits = traits;
    this.health = health;
    this.features = features;
    this.events = events;
  }

  void namespaceChanged(int nsid) {
    changedNamespaces.set(nsid);
  }

  void reset() {
    changedNamespaces.clear();
  }

  /** Where in the composed page the requested part begins. */
  long offset() {
    return offset;
  }

  /** Bytes of the requested part that the page has; what lies behind its end is not transferred. */
  int lengthBytes() {
    return lengthBytes;
  }

  /**
   * Composes the page that a command asks for.
   *
   * @return 0, or the status that the command fails with
   */
  int compose(MemorySegment command, Bytes page, long maxTransferBytes) {
    int cdw10 = Sqe.cdw10(command, 0);
    int nsid = Sqe.nsid(command, 0);
    int size = size(cdw10 & 0xFF);
    if (size == 0) {
      return Status.INVALID_LOG_PAGE | Status.DNR;
    }
    long dwords = ((Sqe.cdw11(command, 0) & 0xFFFFL) << 16 | cdw10 >>> 16) + 1;
    offset = ((long) Sqe.cdw13(command, 0) << 32) | (Sqe.cdw12(command, 0) & 0xFFFF_FFFFL);
    boolean controllerScope = nsid == 0 || nsid == ALL_NAMESPACES;
    if (!controllerScope || (offset & 3) != 0 || offset < 0 || offset > size) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    if (dwords * 4 > maxTransferBytes) {
      return Status.INVALID_FIELD | Status.DNR;
    }
    lengthBytes = (int) Math.min(dwords * 4, size - offset);
    fill(cdw10 & 0xFF, page.clear());
    return Status.SUCCESS;
  }

  private static int size(int log) {
    return switch (log) {
      case LogPage.ERROR_INFORMATION -> Health.ERROR_ENTRIES * 64;
      case LogPage.SMART, LogPage.FIRMWARE_SLOT -> 512;
      case LogPage.CHANGED_NAMESPACES, LogPage.COMMANDS_SUPPORTED_AND_EFFECTS -> 4096;
      default -> 0;
    };
  }

  private void fill(int log, Bytes page) {
    switch (log) {
      case LogPage.ERROR_INFORMATION -> errors(page);
      case LogPage.SMART -> smart(page);
      case LogPage.FIRMWARE_SLOT -> firmware(page);
      case LogPage.CHANGED_NAMESPACES -> changedNamespaces(page);
      default -> effects(page);
    }
  }

  /** The page has been transferred: without RAE its events are cleared. */
  void transferred(MemorySegment command) {
    int cdw10 = Sqe.cdw10(command, 0);
    if ((cdw10 & RETAIN_EVENT) != 0) {
      return;
    }
    int log = cdw10 & 0xFF;
    events.logRead(log);
    if (log == LogPage.CHANGED_NAMESPACES) {
      changedNamespaces.clear();
    }
  }

  /** Figure 192, the newest first. */
  private void errors(Bytes page) {
    for (int i = 0; i < health.errorEntries(); i++) {
      Health.Entry error = health.error(i);
      int at = i * 64;
      page.u64(at, error.count())
          .u16(at + 8, error.sqid())
          .u16(at + 10, error.cid())
          .u16(at + 12, error.status() << 1)
          .u16(at + 14, error.location())
          .u64(at + 16, error.lba())
          .u32(at + 24, error.nsid());
    }
  }

  /** Figure 194; counters of 16 bytes, of which the upper eight stay zero. */
  private void smart(Bytes page) {
    page.u8(0, features.criticalWarning())
        .u16(1, Health.TEMPERATURE_KELVIN)
        .u8(3, 100) // available spare
        .u8(4, 10) // available spare threshold
        .u64(32, dataUnits(health.sectorsRead))
        .u64(48, dataUnits(health.sectorsWritten))
        .u64(64, health.readCommands)
        .u64(80, health.writeCommands)
        .u64(112, health.powerCycles)
        .u64(128, health.powerOnHours())
        .u64(144, health.unsafeShutdowns)
        .u64(160, health.mediaErrors)
        .u64(176, health.errorCount);
  }

  /** Thousands of 512 bytes, rounded up. */
  private static long dataUnits(long sectors) {
    return (sectors + 999) / 1000;
  }

  /** Figure 196. */
  private static void firmware(Bytes page) {
    page.u8(0, 1) // AFI: slot 1 is active
        .text(8, 8, IdentifyPages.FIRMWARE_REVISION);
  }

  /** Section 5.14.1.4: ascending; more than there is room for are all namespaces. */
  private void changedNamespaces(Bytes page) {
    if (changedNamespaces.cardinality() > MOST_CHANGED) {
      page.u32(0, ALL_NAMESPACES);
      return;
    }
    int at = 0;
    for (int nsid = changedNamespaces.nextSetBit(0); nsid >= 0; ) {
      page.u32(at, nsid);
      at += 4;
      nsid = changedNamespaces.nextSetBit(nsid + 1);
    }
  }

  /** Figure 199: admin commands from byte 0, I/O commands from byte 1024, four bytes for each. */
  private void effects(Bytes page) {
    for (int opcode = 0; opcode < 256; opcode++) {
      if (AdminExecutor.isSupported(opcode, traits)) {
        page.u32(opcode * 4, opcode == Opcode.FORMAT_NVM ? formatEffects() : SUPPORTED);
      }
      if (traits.offers(opcode)) {
        page.u32(
            1024 + opcode * 4, SUPPORTED | (Traits.changesBlocks(opcode) ? CHANGES_BLOCKS : 0));
      }
    }
  }

  private static int formatEffects() {
    return SUPPORTED | CHANGES_BLOCKS | CHANGES_NAMESPACE | ALONE_ON_NAMESPACE;
  }
}
