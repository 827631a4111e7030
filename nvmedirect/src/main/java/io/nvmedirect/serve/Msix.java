package io.nvmedirect.serve;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.vfiouser.MessageSocket;
import java.nio.ByteBuffer;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * MSI-X of a function: the table, the pending bits, and the eventfds that interrupts are sent to (PCI
 * Express Base Specification 5.0, sections 6.1.4 and 7.7.2). Nothing is sent while the function may not
 * send; what is masked becomes pending, and is sent when it is unmasked. Belongs to the server's thread.
 *
 * <p>Vectors are masked at first. Giving one its eventfd unmasks it, as the kernel's VFIO does: clients
 * that let the server have the table, such as QEMU, do not write it.
 */
final class Msix implements AutoCloseable {

  private static final int ENTRY_BYTES = 16;
  private static final int VECTOR_CONTROL = 12;
  private static final int MASK = 1;

  private final ByteBuffer table;
  private final BitSet pending = new BitSet();
  private final @Nullable EventFd[] events;
  private boolean enabled;
  private boolean masked;

  Msix(int vectors) {
    events = new @Nullable EventFd[vectors];
    table = MessageSocket.payload(ENTRY_BYTES * vectors);
    reset();
  }

  int vectors() {
    return events.length;
  }

  /** Resets the table; eventfds stay, and their vectors unmasked. */
  void reset() {
    pending.clear();
    table.put(0, new byte[table.limit()]);
    for (int vector = 0; vector < events.length; vector++) {
      setMask(vector, events[vector] == null);
    }
  }

  /**
   * What the configuration space says.
   *
   * @param mayEnable whether interrupts may be sent
   * @param maskAll whether all vectors are masked
   */
  void configure(boolean mayEnable, boolean maskAll) {
    enabled = mayEnable;
    masked = maskAll;
    sendPending();
  }

  private void setMask(int vector, boolean on) {
    int at = vector * ENTRY_BYTES + VECTOR_CONTROL;
    int control = table.getInt(at);
    table.putInt(at, on ? control | MASK : control & ~MASK);
  }

  private boolean isMasked(int vector) {
    return masked || (table.getInt(vector * ENTRY_BYTES + VECTOR_CONTROL) & MASK) != 0;
  }

  /** Masks or unmasks a vector. */
  void mask(int vector, boolean on) {
    setMask(vector, on);
    sendPending();
  }

  /** Sends the interrupts of a vector to an eventfd from now on, and closes the one before; null for none. */
  void assign(int vector, @Nullable EventFd event) {
    EventFd before = events[vector];
    events[vector] = event;
    if (before != null) {
      before.close();
    }
    mask(vector, event == null);
  }

  /** The device has an interrupt. */
  void interrupt(int vector) {
    if (!enabled) {
      return;
    }
    if (isMasked(vector)) {
      pending.set(vector);
    } else {
      fire(vector);
    }
  }

  /** Signals a vector's eventfd, whatever the device has to say. */
  void fire(int vector) {
    EventFd event = events[vector];
    if (event != null) {
      event.signal();
    }
  }

  private void sendPending() {
    if (!enabled || masked) {
      return;
    }
    for (int v = pending.nextSetBit(0); v >= 0; v = pending.nextSetBit(v + 1)) {
      if (!isMasked(v)) {
        pending.clear(v);
        fire(v);
      }
    }
  }

  // ---- Accesses to the BARs, within which the range is; what is behind the vectors is 0.

  void readTable(int offset, ByteBuffer to) {
    int length = Math.min(to.limit(), table.limit() - offset);
    if (length > 0) {
      to.put(0, table, offset, length);
    }
  }

  void writeTable(int offset, ByteBuffer from) {
    int length = Math.min(from.limit(), table.limit() - offset);
    if (length > 0) {
      table.put(offset, from, 0, length);
      sendPending();
    }
  }

  void readPending(int offset, ByteBuffer to) {
    byte[] bits = pending.toByteArray();
    int length = Math.min(to.limit(), bits.length - offset);
    if (length > 0) {
      to.put(0, bits, offset, length);
    }
  }

  /** Closes the eventfds; the controller is closed. */
  @Override
  public void close() {
    for (int vector = 0; vector < events.length; vector++) {
      EventFd event = events[vector];
      events[vector] = null;
      if (event != null) {
        event.close();
      }
    }
  }
}
