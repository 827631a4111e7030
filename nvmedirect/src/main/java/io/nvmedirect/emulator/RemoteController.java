package io.nvmedirect.emulator;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.function.IntConsumer;

/**
 * A controller of a {@link Subsystem} for a host that is not in this process: its PCI function from the
 * device's side. BAR0 has a page of registers and a page of doorbells, which the host may map.
 *
 * <p>Belongs to the subsystem's thread, which polls it.
 */
public final class RemoteController implements AutoCloseable {

  /** Bytes of BAR0. */
  public static final int BAR_BYTES = 0x2000;

  /** Where in BAR0 the page of doorbells begins; it is the rest of BAR0. */
  public static final int DOORBELLS = 0x1000;

  private final Subsystem subsystem;
  private final Traits traits;
  private final NativeFile file;
  private final Arena arena;
  private final DoorbellPage page;
  private final RegisterFile registers;
  private final Iommu iommu = new Iommu();
  private final EmulatedController controller;

  /** Sends an interrupt to the host. */
  private IntConsumer signal = vector -> {};

  private boolean closed;

  private RemoteController(
      Subsystem subsystem,
      Traits traits,
      EmulatedNamespace[] namespaces,
      NativeFile file,
      Arena arena,
      MemorySegment doorbells) {
    this.subsystem = subsystem;
    this.traits = traits;
    this.file = file;
    this.arena = arena;
    page = new DoorbellPage(doorbells);
    Interrupts interrupts = new Interrupts(vector -> signal.accept(vector));
    registers = new RegisterFile(traits, interrupts);
    controller =
        new EmulatedController(subsystem, traits, namespaces, registers, interrupts, iommu, page);
    controller.shareThread();
  }

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  static RemoteController open(Subsystem subsystem, Traits traits, EmulatedNamespace[] namespaces)
      throws LinuxException {
    NativeFile file = NativeFile.inMemory("nvme-doorbells", BAR_BYTES);
    Arena arena = Arena.ofConfined();
    boolean good = false;
    try {
      MemorySegment doorbells = Mmap.shared(file, DOORBELLS, BAR_BYTES - DOORBELLS, arena);
      RemoteController made =
          new RemoteController(subsystem, traits, namespaces, file, arena, doorbells);
      subsystem.add(made.controller);
      good = true;
      return made;
    } finally {
      if (!good) {
        arena.close();
        file.close();
      }
    }
  }

  /** A file of {@link #BAR_BYTES} whose second page is that of the doorbells. */
  public NativeFile doorbells() {
    return file;
  }

  /** Interrupt vectors of the function. */
  public int vectors() {
    return traits.vectors();
  }

  /**
   * Reads a part of BAR0 that is within it. Reserved registers are 0, doorbells have no value.
   *
   * @param to from its position to its limit
   */
  public void readBar(int offset, ByteBuffer to) {
    for (int at = offset; to.hasRemaining(); at++) {
      int register = at & -Integer.BYTES;
      int value = register < DOORBELLS ? registers.read32(register) : 0;
      to.put((byte) (value >>> ((at - register) * Byte.SIZE)));
    }
  }

  /** Writes a part of BAR0 that is within it; what is no whole register has no effect. */
  public void writeBar(int offset, ByteBuffer from) {
    int at = offset;
    for (; at % Integer.BYTES == 0 && from.remaining() >= Integer.BYTES; at += Integer.BYTES) {
      int value = from.getInt();
      if (at >= DOORBELLS) {
        DoorbellPage.set(page.memory, at - DOORBELLS, value);
      } else if (registers.write32(at, value)) {
        controller.registerWritten(at, value);
      }
    }
  }

  /**
   * Lets the controller reach memory of the host's.
   *
   * @param iova its address for the controller, a multiple of 4096
   * @param memory a multiple of 4096 bytes, closed only after {@link #unmap}; read-only if the
   *     controller may not write
   * @return false if it overlaps what is mapped, and nothing has happened
   */
  public boolean map(long iova, MemorySegment memory) {
    return iommu.mapAt(iova, memory);
  }

  /** Ends a mapping, given by the address of its first byte. Nothing uses the memory afterwards. */
  public void unmap(long iova) {
    iommu.unmap(iova);
  }

  /** Sends interrupts of vectors to the host by this from now on. */
  public void onInterrupt(IntConsumer send) {
    signal = send;
  }

  /** Whether the controller may reach memory of the host's; at first it may. */
  public void busMaster(boolean on) {
    iommu.block(!on);
  }

  /**
   * Does what there is to do: one turn of every queue.
   *
   * @return how much that was; 0 for nothing
   */
  public int poll() {
    return subsystem.poll() + controller.poll();
  }

  /**
   * Whether there is nothing to do now. A host that uses shadow doorbells is asked to write the register
   * of the next one, by a message.
   */
  public boolean isIdle() {
    return controller.isIdle();
  }

  /** Whether there may be something to do that nobody is told of. */
  public boolean mustPoll() {
    return (controller.isRunning() && !controller.hasShadow()) || subsystem.mustPoll();
  }

  /**
   * Whether only the doorbells of the admin queue may be rung by a store that nobody is told of: the host
   * has those of the other queues in memory of its own, and asks before it stops writing.
   */
  public boolean mayBeRung() {
    return controller.isRunning();
  }

  /** When a command completes by itself, by {@link System#nanoTime}; {@code Long.MAX_VALUE} for never. */
  public long nextDueNs() {
    return controller.hasTimedWork() ? controller.nextDueNs() : Long.MAX_VALUE;
  }

  /** Resets the function: registers and queues are as at the beginning, memory and vectors stay. */
  public void reset() {
    controller.resetFunction();
  }

  /** The host is gone: nothing of it is used any more. Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    subsystem.remove(controller);
    controller.close();
    Forwarding forwarding = subsystem.forwarding();
    if (forwarding != null) {
      forwarding.orphan(controller, null);
    }
    iommu.close();
    arena.close();
    file.close();
  }
}
