package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Register;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * An NVMe 1.4 controller inside the process, as a PCI function: registers, doorbells, an IOMMU and
 * interrupt vectors. Safe for any thread, as hardware is. {@link #close} is the removal of the device:
 * registers read as all ones, doorbells and unmapping have no effect, and waiters on vectors return.
 */
public final class Emulator implements PciFunction {

  private static final int LOW_BITS = 32;

  private final Subsystem subsystem;
  private final Traits traits;
  private final RegisterFile registers;
  private final EmulatedVector[] vectors = new EmulatedVector[Interrupts.VECTORS];
  private final Iommu iommu;
  private final EmulatedController controller;
  private final Engine engine;
  private final Doorbell[] doorbells = new Doorbell[DoorbellPage.COUNT];
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * @param rung told of work for an engine that is stepped; null for one that runs by itself
   */
  private Emulator(Subsystem subsystem, EmulatorOptions options, @Nullable Runnable rung) {
    this.subsystem = subsystem;
    traits = Traits.of(options);
    for (int i = 0; i < vectors.length; i++) {
      vectors[i] = new EmulatedVector(subsystem.clock());
    }
    Interrupts interrupts = new Interrupts(vector -> vectors[vector].signal());
    registers = new RegisterFile(traits, interrupts);
    iommu = new Iommu();
    DoorbellPage page = new DoorbellPage();
    controller =
        new EmulatedController(
            subsystem, traits, subsystem.namespaces(), registers, interrupts, iommu, page);
    subsystem.add(controller);
    engine = engine(options, page, rung);
    for (int i = 0; i < DoorbellPage.COUNT; i++) {
      doorbells[i] = engine.doorbell(i);
    }
  }

  private Engine engine(EmulatorOptions options, DoorbellPage page, @Nullable Runnable rung) {
    if (rung != null) {
      return new SteppedEngine(controller, page, rung);
    }
    return options.mode() == EmulatorOptions.Mode.INLINE
        ? new InlineEngine(controller, page)
        : new DeviceThread(controller, page, subsystem.clock());
  }

  /**
   * Makes a controller that does nothing by itself, for simulations: see {@link #step}.
   *
   * @param media that it closes in the end
   * @param model how long commands take
   * @param rung told that there is something to do
   */
  public static Emulator stepped(
      EmulatorOptions options, Media media, DeviceModel model, Clock clock, Runnable rung) {
    Subsystem subsystem = Subsystem.of(options, media, "simulated", model, clock);
    return new Emulator(subsystem, options, rung);
  }

  /** Of a {@link #stepped} controller: acts on what the host has written, and on what is due. */
  public void step() {
    ((SteppedEngine) engine).step();
  }

  /** Of a {@link #stepped} controller: when the next command completes by itself; else the largest. */
  public long nextDueNs() {
    return controller.hasTimedWork() ? controller.nextDueNs() : Long.MAX_VALUE;
  }

  /**
   * Makes a controller.
   *
   * @throws NvmeException if its memory cannot be reserved, or its file cannot be used
   */
  public static Emulator open(EmulatorOptions options) throws NvmeException {
    return open(options, Clock.SYSTEM);
  }

  /** Likewise, with a clock for all of its times. */
  public static Emulator open(EmulatorOptions options, Clock clock) throws NvmeException {
    return open(Subsystem.open(options, clock), options);
  }

  /** Makes a controller with media that it closes in the end. */
  static Emulator open(EmulatorOptions options, Media media, String identity) {
    return open(Subsystem.of(options, media, identity, Clock.SYSTEM), options);
  }

  private static Emulator open(Subsystem subsystem, EmulatorOptions options) {
    Emulator emulator = new Emulator(subsystem, options, null);
    if (emulator.engine instanceof DeviceThread device) {
      device.start();
    }
    return emulator;
  }

  /** For tests: consults an injector before every command from now on; null for none. */
  public void inject(@Nullable FaultInjector faults) {
    controller.inject(faults);
  }

  /**
   * For tests: changes a namespace as a controller of another host may do it that refuses nothing, and tells
   * this host of it. Returns when that is done.
   *
   * @param lbaBytes 512 or 4096
   * @param blocks its new size, at most what there is room for; 0 if it is detached
   */
  public void changeElsewhere(int nsid, int lbaBytes, long blocks) {
    controller.changeElsewhere(() -> {
      EmulatedNamespace namespace = subsystem.namespaces()[nsid - 1];
      namespace.format(lbaBytes == 512 ? 0 : 1);
      namespace.resize(blocks);
      subsystem.namespaceChanged(namespace);
    });
    engine.registerWritten(EmulatedController.CHANGE_ELSEWHERE, 0);
    while (!engine.hasActed()) {
      subsystem.clock().spin();
    }
  }

  /** The thread that executes commands; null if the thread that rings does. */
  @Nullable Thread deviceThread() {
    return engine instanceof DeviceThread device ? device.thread() : null;
  }

  /** For tests: an exception that no host should be able to cause; null if there was none. */
  @Nullable RuntimeException defect() {
    return controller.defect();
  }

  /**
   * For tests: whether the device has acted on every register that was written before this call. CSTS
   * does not tell: it may still be what it was, or already what a write between has made of it.
   */
  boolean hasActed() {
    return engine.hasActed();
  }

  @Override
  public int read32(int offset) {
    return registers.read32(offset);
  }

  @Override
  public long read64(int offset) {
    long low = registers.read32(offset) & 0xFFFF_FFFFL;
    return (long) registers.read32(offset + 4) << LOW_BITS | low;
  }

  @Override
  public void write32(int offset, int value) {
    int index = DoorbellPage.index(offset);
    if (index >= 0) {
      doorbells[index].ring(value);
    } else if (registers.write32(offset, value)) {
      engine.registerWritten(offset, value);
    }
  }

  @Override
  public void write64(int offset, long value) {
    write32(offset, (int) value);
    write32(offset + 4, (int) (value >>> LOW_BITS));
  }

  /**
   * The doorbell at an offset of BAR0.
   *
   * @throws IllegalArgumentException if the offset is not that of a doorbell register
   */
  @Override
  public Doorbell doorbell(int offset) {
    int index = DoorbellPage.index(offset);
    if (index < 0) {
      throw new IllegalArgumentException(
          "no doorbell register: offset=0x%x, first=0x%x".formatted(offset, Register.DOORBELLS));
    }
    return doorbells[index];
  }

  @Override
  public DmaMapper dma() {
    return iommu;
  }

  @Override
  public int vectors() {
    return traits.vectors();
  }

  @Override
  public InterruptVector vector(int index) {
    return vectors[index].open();
  }

  /** The function has one controller, so this is an NVM subsystem reset. */
  @Override
  public boolean reset() {
    write32(Register.NSSR, Register.NSSR_RESET);
    return true;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      registers.remove();
      engine.close();
      for (EmulatedVector vector : vectors) {
        vector.signal(); // nothing more will come
      }
      iommu.close();
      subsystem.closeMedia();
    }
  }
}
