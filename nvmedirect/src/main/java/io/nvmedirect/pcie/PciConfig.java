package io.nvmedirect.pcie;

import io.nvmedirect.concurrent.Clock;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * What a driver sets in the configuration space of a function (PCI Express Base Specification 5.0,
 * sections 7.5.1 and 7.7): without these bits a function answers no register, reaches no memory or sends
 * no interrupt. Not for several threads at a time.
 *
 * <pre>
 * 04 command: 1 memory space, 2 bus master, 10 no interrupts by pin
 * 06 status:  4 there are capabilities, of which the first is at the offset in 34
 * capability: 00 identifier, 01 offset of the next one or 0
 * power management (01h): 04 state in 1:0, 0 is D0
 * MSI-X (11h):            02 message control: 14 all masked, 15 enable
 * </pre>
 */
final class PciConfig {

  private static final int COMMAND = 0x04;
  private static final int COMMAND_MEMORY = 1 << 1;
  private static final int COMMAND_BUS_MASTER = 1 << 2;
  private static final int COMMAND_NO_PIN = 1 << 10;

  private static final int STATUS = 0x06;
  private static final int STATUS_CAPABILITIES = 1 << 4;
  private static final int FIRST_CAPABILITY = 0x34;

  /** Behind the header; capabilities are in what VFIO and PCI without Express have, too. */
  private static final int CAPABILITIES_BEGIN = 0x40;

  private static final int CAPABILITIES_END = 0x100;
  private static final int MOST_CAPABILITIES = (CAPABILITIES_END - CAPABILITIES_BEGIN) / 4;
  private static final int NONE = 0;

  private static final int POWER = 0x01;
  private static final int POWER_CONTROL = 4;
  private static final int POWER_STATE = 3;

  /** Of the same register; a one would clear it. */
  private static final int POWER_EVENT = 1 << 15;

  /** What a function takes from D3hot to D0 (section 5.9). */
  private static final long POWER_UP_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final int MSIX = 0x11;
  private static final int MSIX_CONTROL = 2;
  private static final int MSIX_MASK_ALL = 1 << 14;
  private static final int MSIX_ENABLE = 1 << 15;

  /** Reads and writes 16 bits. */
  interface Space {

    /** Reads at an even offset. */
    int read16(int offset) throws IOException;

    /** Writes at an even offset. */
    void write16(int offset, int value) throws IOException;
  }

  private final Space space;

  PciConfig(Space space) {
    this.space = space;
  }

  /** Has the function work: full power, registers, memory; no interrupt by pin. */
  void enable() throws IOException {
    powerUp();
    int command = space.read16(COMMAND);
    space.write16(COMMAND, command | COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_NO_PIN);
  }

  private void powerUp() throws IOException {
    int power = find(POWER);
    if (power == NONE) {
      return;
    }
    int control = space.read16(power + POWER_CONTROL);
    if ((control & POWER_STATE) != 0) {
      space.write16(power + POWER_CONTROL, control & ~(POWER_STATE | POWER_EVENT));
      Clock.SYSTEM.parkNanos(this, POWER_UP_NS);
    }
  }

  /** Keeps the function off memory. */
  void clearBusMaster() throws IOException {
    space.write16(COMMAND, space.read16(COMMAND) & ~COMMAND_BUS_MASTER);
  }

  /**
   * Enables MSI-X, with no mask for all vectors, or disables it.
   *
   * @return false if the function does not have it
   */
  boolean enableMsix(boolean on) throws IOException {
    int msix = find(MSIX);
    if (msix == NONE) {
      return false;
    }
    int control = space.read16(msix + MSIX_CONTROL) & ~(MSIX_MASK_ALL | MSIX_ENABLE);
    space.write16(msix + MSIX_CONTROL, on ? control | MSIX_ENABLE : control);
    return true;
  }

  /** The offset of a capability, or NONE. A list that goes in a circle ends, too. */
  private int find(int id) throws IOException {
    if ((space.read16(STATUS) & STATUS_CAPABILITIES) == 0) {
      return NONE;
    }
    int at = space.read16(FIRST_CAPABILITY) & 0xfc;
    for (int i = 0; i < MOST_CAPABILITIES && at >= CAPABILITIES_BEGIN; i++) {
      int header = space.read16(at);
      if ((header & 0xff) == id) {
        return at;
      }
      at = header >>> Byte.SIZE & 0xfc;
    }
    return NONE;
  }
}
