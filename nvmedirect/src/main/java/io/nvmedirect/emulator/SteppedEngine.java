package io.nvmedirect.emulator;

import io.nvmedirect.queue.Doorbell;

/**
 * Executes when it is told to, by {@link #step}: for simulations, in which one thread is host and device in
 * turn. Not safe for several threads.
 */
final class SteppedEngine implements Engine {

  private final EmulatedController controller;
  private final DoorbellPage page;
  private final RegisterWrites writes = new RegisterWrites();

  /** Told that there is something to do. */
  private final Runnable rung;

  SteppedEngine(EmulatedController controller, DoorbellPage page, Runnable rung) {
    this.controller = controller;
    this.page = page;
    this.rung = rung;
  }

  /** Acts on what was written, rung or is due. */
  void step() {
    if (!writes.isEmpty()) {
      writes.applyTo(controller);
    }
    while (controller.poll() > 0) {}
  }

  @Override
  public void registerWritten(int offset, int value) {
    writes.add(offset, value);
    rung.run();
  }

  @Override
  public boolean hasActed() {
    return writes.isEmpty();
  }

  @Override
  public Doorbell doorbell(int index) {
    return value -> {
      DoorbellPage.set(page.memory, DoorbellPage.offset(index), value);
      rung.run();
    };
  }

  @Override
  public void close() {
    writes.close();
    controller.close();
  }
}
