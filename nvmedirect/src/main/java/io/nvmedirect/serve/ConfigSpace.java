package io.nvmedirect.serve;

import io.nvmedirect.emulator.RemoteController;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The configuration space of an NVMe controller's PCI function: a type 0 header and a list of
 * capabilities (PCI Express Base Specification 5.0, sections 7.5 and 7.7; NVMe over PCIe Transport 1.0,
 * section 3.1.1). Extended capabilities there are none. A write changes the bits that may be written and
 * nothing else. Belongs to the server's thread.
 *
 * <pre>
 * 00 | vendor | device |     10 | BAR0, 64 bits: registers and doorbells  |
 * 04 | command| status |     20 | BAR4: MSI-X table  | BAR5: pending bits |
 * 08 | revision, class |     34 | 40: power management, 50: MSI-X, 60: PCI Express
 * </pre>
 */
final class ConfigSpace {

  /** Bytes of it, with the extended space. */
  static final int BYTES = 4096;

  /** Bytes of BAR4, the MSI-X table: more than any number of vectors needs, a power of 2. */
  static final int TABLE_BYTES = 0x2000;

  /** Bytes of BAR5, the MSI-X pending bits. */
  static final int PENDING_BYTES = 0x1000;

  /**
   * Of the numbers that Red Hat has left to everybody for experiments (1af4:10f0 to 10ff), for we have none of
   * our own. Drivers bind by the class code; by the number of another controller they would apply its quirks.
   */
  private static final short VENDOR = 0x1af4;

  private static final short DEVICE = 0x10f0;

  /** Mass storage, non-volatile memory, NVM Express; and revision 1. */
  private static final int CLASS_AND_REVISION = 0x01080201;

  private static final int STATUS_CAPABILITIES = 0x10;

  private static final int COMMAND = 0x04;
  private static final int COMMAND_MEMORY = 1 << 1;
  private static final int COMMAND_BUS_MASTER = 1 << 2;

  /** Memory space, bus master, parity, SERR#, and INTx disable. */
  private static final int COMMAND_WRITABLE = 0x0546;

  private static final int BAR0 = 0x10;
  private static final int BAR4 = 0x20;
  private static final int BAR5 = 0x24;
  private static final int BAR_64_BITS = 4;

  private static final int POWER = 0x40;

  /** Of the power management control and status register: the state, of which 0 is D0 and 3 is D3hot. */
  private static final int POWER_STATE = 3;

  private static final int MSIX = 0x50;
  private static final int MSIX_ENABLE = 1 << 15;
  private static final int MSIX_MASK_ALL = 1 << 14;
  private static final int EXPRESS = 0x60;
  private static final int DEVICE_CONTROL = EXPRESS + 8;

  /** Of Device Control, in its second byte: Initiate Function Level Reset. */
  private static final int INITIATE_RESET = 0x80;

  private final int vectors;
  private final ByteBuffer values = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final ByteBuffer writable = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);

  /**
   * @param vectors of MSI-X, 0 to 512; without any there is no MSI-X
   */
  ConfigSpace(int vectors) {
    this.vectors = vectors;
    reset();
  }

  /** Makes everything as it is at power-on. */
  void reset() {
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      values.putLong(i, 0);
      writable.putLong(i, 0);
    }
    header();
    powerManagement();
    if (vectors > 0) {
      msix();
    }
    express();
  }

  private void header() {
    values.putShort(0x00, VENDOR).putShort(0x02, DEVICE);
    values.putShort(0x06, (short) STATUS_CAPABILITIES).putInt(0x08, CLASS_AND_REVISION);
    // As the kernel's VFIO hands a function over, which has enabled it: SPDK's client reckons with
    // that.
    values.putShort(COMMAND, (short) COMMAND_MEMORY);
    writable.putShort(COMMAND, (short) COMMAND_WRITABLE);
    writable.put(0x0c, (byte) 0xff); // cache line size
    values.putInt(BAR0, BAR_64_BITS);
    writable.putLong(BAR0, -RemoteController.BAR_BYTES);
    if (vectors > 0) {
      writable.putInt(BAR4, -TABLE_BYTES).putInt(BAR5, -PENDING_BYTES);
    }
    values.putShort(0x2c, VENDOR).putShort(0x2e, DEVICE);
    values.put(0x34, (byte) POWER);
    writable.put(0x3c, (byte) 0xff); // interrupt line; the pin is 0, for there is no INTx
  }

  /** Version 3 of the interface; D0 and D3hot, and no reset in between. */
  private void powerManagement() {
    values.put(POWER, (byte) 0x01).put(POWER + 1, (byte) (vectors > 0 ? MSIX : EXPRESS));
    values.putShort(POWER + 2, (short) 3).putShort(POWER + 4, (short) 8);
    writable.putShort(POWER + 4, (short) POWER_STATE);
  }

  /** The table at the beginning of BAR4, the pending bits at that of BAR5. */
  private void msix() {
    values.put(MSIX, (byte) 0x11).put(MSIX + 1, (byte) EXPRESS);
    values.putShort(MSIX + 2, (short) (vectors - 1));
    writable.putShort(MSIX + 2, (short) (MSIX_ENABLE | MSIX_MASK_ALL));
    values.putInt(MSIX + 4, 4).putInt(MSIX + 8, 5);
  }

  /** Version 2, an endpoint with function level reset behind one lane of 2.5 GT/s. */
  private void express() {
    values.put(EXPRESS, (byte) 0x10).putShort(EXPRESS + 2, (short) 2);
    values.putInt(EXPRESS + 4, (1 << 28) | (1 << 15));
    values.putShort(DEVICE_CONTROL, (short) 0x2810);
    writable.putShort(DEVICE_CONTROL, (short) 0x78ff);
    values.putInt(EXPRESS + 0x0c, 0x11).putShort(EXPRESS + 0x12, (short) 0x11);
    writable.putShort(EXPRESS + 0x10, (short) 0x00c0); // link control: common clock, extended sync
    values.putInt(EXPRESS + 0x24, 1 << 4); // the completion timeout can be disabled
    writable.putShort(EXPRESS + 0x28, (short) 0x0010);
  }

  // ---- What it says of the function.

  private boolean isOn() {
    return (values.get(POWER + 4) & POWER_STATE) == 0;
  }

  /** Whether the function answers accesses to its BARs. */
  boolean hasMemorySpace() {
    return isOn() && (values.getShort(COMMAND) & COMMAND_MEMORY) != 0;
  }

  /** Whether it may access memory; interrupts are such accesses. */
  boolean isBusMaster() {
    return isOn() && (values.getShort(COMMAND) & COMMAND_BUS_MASTER) != 0;
  }

  /** Whether it may send interrupts. */
  boolean hasInterrupts() {
    return isBusMaster() && vectors > 0 && (values.getShort(MSIX + 2) & MSIX_ENABLE) != 0;
  }

  /** Whether all vectors are masked. */
  boolean masksInterrupts() {
    return vectors > 0 && (values.getShort(MSIX + 2) & MSIX_MASK_ALL) != 0;
  }

  // ---- Accesses.

  /** Reads from an offset; the range is within the space. */
  void read(int offset, ByteBuffer to) {
    to.put(values.slice(offset, to.remaining()));
  }

  /**
   * Writes at an offset; the range is within the space.
   *
   * @return whether that asks for a function level reset
   */
  boolean write(int offset, ByteBuffer from) {
    boolean reset = false;
    for (int at = offset; from.hasRemaining(); at++) {
      byte value = from.get();
      int mask = writable.get(at);
      int state = value & POWER_STATE;
      if (at == POWER + 4 && state != 0 && state != POWER_STATE) {
        continue; // D1 and D2, which are not supported: the write is discarded
      }
      values.put(at, (byte) ((values.get(at) & ~mask) | (value & mask)));
      reset |= at == DEVICE_CONTROL + 1 && (value & INITIATE_RESET) != 0;
    }
    return reset;
  }
}
