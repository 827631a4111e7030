package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.BriefLock;
import io.nvmedirect.queue.Doorbell;

/**
 * Executes on the thread that rings, before the doorbell returns. A lock makes the controller belong
 * to one thread at a time.
 */
final class InlineEngine implements Engine {

  private final EmulatedController controller;
  private final DoorbellPage page;
  private final BriefLock lock = new BriefLock();
  private boolean closed;

  InlineEngine(EmulatedController controller, DoorbellPage page) {
    this.controller = controller;
    this.page = page;
  }

  @Override
  public void registerWritten(int offset, int value) {
    lock.lock();
    try {
      if (!closed) {
        controller.registerWritten(offset, value);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean hasActed() {
    return true;
  }

  @Override
  public Doorbell doorbell(int index) {
    return new InlineDoorbell(this, index);
  }

  private void ring(int index, int value) {
    lock.lock();
    try {
      if (!closed) {
        DoorbellPage.set(page.memory, DoorbellPage.offset(index), value);
        controller.doorbellRung(index);
        controller.armEvents();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      controller.close();
    } finally {
      lock.unlock();
    }
  }

  private static final class InlineDoorbell implements Doorbell {
    private final InlineEngine engine;
    private final int index;

    InlineDoorbell(InlineEngine engine, int index) {
      this.engine = engine;
      this.index = index;
    }

    @Override
    public void ring(int value) {
      engine.ring(index, value);
    }
  }
}
