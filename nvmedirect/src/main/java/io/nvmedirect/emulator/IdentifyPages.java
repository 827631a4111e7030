package io.nvmedirect.emulator;

import io.nvmedirect.spec.Cns;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.UUID;

/** The structures that Identify returns (NVMe 1.4, section 5.15). Owned by the engine. */
final class IdentifyPages {

  /** NVMe 1.4.0, as VS has it. */
  static final int VERSION = 0x0001_0400;

  static final String FIRMWARE_REVISION = "1.0";

  /** Red Hat's, who have left some numbers of theirs to everybody: what a served function has. */
  private static final int PCI_VENDOR = 0x1AF4;

  private static final int LARGEST_LIST_NSID = 0xFFFF_FFFD;
  private static final String MODEL = "NVMeDirect Emulated Controller";

  private static final int OACS_FORMAT = 1 << 1;
  private static final int OACS_DOORBELL_BUFFER = 1 << 8;

  // Atomic writes, in blocks less one (NVMe 1.4, section 6.4). What another device guarantees
  // beyond a
  // block is its own affair: the driver may make several commands of one.
  private static final int ONE_BLOCK = 0;
  private static final int WHOLE_COMMAND = 0xFFFF;

  private final Traits traits;
  private final EmulatedNamespace[] namespaces;
  private final long totalBytes;
  private final Subsystem subsystem;
  private final UUID subsystemUuid;
  private final int controllerId;

  /**
   * @param controllerId CNTLID
   */
  IdentifyPages(
      Traits traits, EmulatedNamespace[] namespaces, Subsystem subsystem, int controllerId) {
    this.traits = traits;
    this.subsystem = subsystem;
    this.controllerId = controllerId;
    this.namespaces = namespaces;
    long total = 0;
    for (EmulatedNamespace namespace : namespaces) {
      total += namespace.sizeBytes;
    }
    this.totalBytes = total;
    this.subsystemUuid = uuid(subsystem.identity());
  }

  private static UUID uuid(String name) {
    return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Composes what a command asks for.
   *
   * @return 0, or the status that the command fails with
   */
  int compose(MemorySegment command, Bytes into) {
    int cdw10 = Sqe.cdw10(command, 0);
    int nsid = Sqe.nsid(command, 0);
    into.clear();
    return switch (cdw10 & 0xFF) {
      case Cns.NAMESPACE, Cns.ALLOCATED_NAMESPACE -> namespace(nsid, into);
      case Cns.CONTROLLER -> controller(into);
      case Cns.ACTIVE_NAMESPACES, Cns.ALLOCATED_NAMESPACES -> namespaceList(nsid, into);
      case Cns.NAMESPACE_DESCRIPTORS -> descriptors(nsid, into);
      case Cns.NAMESPACE_CONTROLLERS ->
          exists(nsid) ? controllerList(cdw10 >>> 16, into) : Status.INVALID_NAMESPACE | Status.DNR;
      case Cns.SUBSYSTEM_CONTROLLERS -> controllerList(cdw10 >>> 16, into);
      default -> Status.INVALID_FIELD | Status.DNR;
    };
  }

  private boolean exists(int nsid) {
    return nsid > 0 && nsid <= namespaces.length;
  }

  /** Figure 247. */
  private int controller(Bytes page) {
    page.u16(0, PCI_VENDOR)
        .u16(2, PCI_VENDOR)
        .text(4, 20, String.format(Locale.ROOT, "%016X", subsystemUuid.getMostSignificantBits()))
        .text(24, 40, MODEL)
        .text(64, 8, FIRMWARE_REVISION)
        .u8(72, 3) // RAB: 2^3 commands
        .u8(77, traits.mdtsExponent())
        .u8(76, traits.shared() ? 1 << 1 : 0) // CMIC: the subsystem may have other controllers
        .u16(78, controllerId)
        .u32(80, VERSION)
        .u32(92, Features.EVENT_NAMESPACE) // OAES
        .u8(111, 1) // CNTRLTYPE: I/O controller
        .u16(256, optionalAdminCommands())
        .u8(258, 3) // ACL: four Aborts
        .u8(259, AsyncEvents.LIMIT - 1)
        .u8(260, 1 << 1 | 1) // FRMW: one slot, read only
        .u8(261, 1 << 1 | 1 << 2) // LPA: effects log, extended data
        .u8(262, Health.ERROR_ENTRIES - 1)
        .u16(266, Health.WARNING_KELVIN)
        .u16(268, Health.CRITICAL_KELVIN)
        .u64(280, totalBytes) // TNVMCAP
        .u8(512, 0x66) // SQES: 2^6 bytes
        .u8(513, 0x44) // CQES: 2^4 bytes
        .u32(516, namespaces.length)
        .u16(520, traits.optional())
        .u8(
            525,
            (traits.local() ? 3 : 2) << 1 | 1) // VWC: present, Flush takes all namespaces or one
        .u16(526, traits.local() ? WHOLE_COMMAND : ONE_BLOCK) // AWUN: one command at a time
        .u16(528, ONE_BLOCK) // AWUPF
        .u32(536, sglSupport())
        .terminated(768, "nqn.2014-08.org.nvmexpress:uuid:" + subsystemUuid)
        .u16(2048, 2500); // PSD0: 25 W
    return Status.SUCCESS;
  }

  /** OACS. */
  private int optionalAdminCommands() {
    return (traits.local() ? OACS_FORMAT : 0) | (traits.shadow() ? OACS_DOORBELL_BUFFER : 0);
  }

  /** SGLS, bits 1:0. */
  private int sglSupport() {
    return switch (traits.sgl()) {
      case OFF -> 0;
      case ON -> 1;
      case DWORD -> 2;
    };
  }

  /** Figure 245. */
  private int namespace(int nsid, Bytes page) {
    if (!exists(nsid)) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    EmulatedNamespace namespace = namespaces[nsid - 1];
    UUID uuid = namespaceUuid(namespace);
    page.u64(0, namespace.blocks())
        .u64(8, namespace.blocks())
        .u64(16, namespace.blocks())
        .u8(25, namespace.formats() - 1)
        .u8(26, namespace.format())
        .u8(30, traits.shared() ? 1 : 0) // NMIC: other controllers may have it
        // DLFEAT: Write Zeroes deallocates, deallocated blocks read as zeroes; or nothing is said
        .u8(33, traits.local() ? 1 << 3 | 1 : 0)
        .u64(48, namespace.sizeBytes) // NVMCAP
        .u8(99, traits.readOnly() ? 1 : 0) // NSATTR: write protected
        .u64BigEndian(104, uuid.getMostSignificantBits()) // NGUID
        .u64BigEndian(112, uuid.getLeastSignificantBits());
    for (int format = 0; format < namespace.formats(); format++) {
      page.u32(128 + 4 * format, namespace.formatShift(format) << 16); // LBADS
    }
    return Status.SUCCESS;
  }

  private UUID namespaceUuid(EmulatedNamespace namespace) {
    return uuid(subsystemUuid + "/" + namespace.number);
  }

  /** Section 5.15.2.3: identifiers larger than NSID, ascending; zeroes behind them. */
  private int namespaceList(int nsid, Bytes page) {
    if (Integer.compareUnsigned(nsid, LARGEST_LIST_NSID) > 0) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    int at = 0;
    for (int id = 1; id <= namespaces.length; id++) {
      if (Integer.compareUnsigned(id, nsid) > 0) {
        page.u32(at, id);
        at += 4;
      }
    }
    return Status.SUCCESS;
  }

  /** Figure 249: type, length, two reserved bytes, value; type 0 ends the list. */
  private int descriptors(int nsid, Bytes page) {
    if (!exists(nsid)) {
      return Status.INVALID_NAMESPACE | Status.DNR;
    }
    UUID uuid = namespaceUuid(namespaces[nsid - 1]);
    for (int type = 2; type <= 3; type++) { // NGUID, UUID
      int at = (type - 2) * 20;
      page.u8(at, type)
          .u8(at + 1, 16)
          .u64BigEndian(at + 4, uuid.getMostSignificantBits())
          .u64BigEndian(at + 12, uuid.getLeastSignificantBits());
    }
    return Status.SUCCESS;
  }

  /** Figure 252: count, then the identifiers from {@code first} on. */
  private int controllerList(int first, Bytes page) {
    int count = 0;
    for (int id : subsystem.controllerIds()) {
      if (id >= first) {
        count++;
        page.u16(2 * count, id);
      }
    }
    page.u16(0, count);
    return Status.SUCCESS;
  }
}
