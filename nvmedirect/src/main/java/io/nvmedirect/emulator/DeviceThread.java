package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.TimerSlack;
import io.nvmedirect.queue.Doorbell;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Executes on a thread of the controller, which owns all of its state. The thread polls the doorbells
 * while there is work and for about 20 µs longer, then parks until a doorbell
 * or register wakes it, or the next command is due.
 *
 * <p>Going to sleep and ringing cannot miss each other: the thread says that it sleeps and then looks
 * at the doorbells once more; the host stores the doorbell and then looks whether the thread sleeps.
 * Both stores are volatile, so that at least one of the two sees the other.
 */
final class DeviceThread implements Engine {

  /**
   * Polls without work before the thread parks: some 20 µs, of which a pause is most. None on a single
   * core, where the host would ring its doorbell only afterwards. It does not yield: beside a busy
   * thread that gives up a whole time slice.
   */
  private static final int SPINS = Runtime.getRuntime().availableProcessors() > 1 ? 300 : 0;

  /** A parked thread wakes about this much late, with the least timer slack. */
  private static final long WAKE_NS = 15_000;

  private static final int AWAKE = 0;
  private static final int ASLEEP = 1;

  /** Asleep, and a command waits for an entry of its completion queue. */
  private static final int STARVED = 2;

  private static final AtomicInteger COUNT = new AtomicInteger();

  private final EmulatedController controller;
  private final Clock clock;
  private final DoorbellPage page;
  private final RegisterWrites writes = new RegisterWrites();
  private final Thread thread;
  private volatile int state;
  private volatile boolean closing;

  DeviceThread(EmulatedController controller, DoorbellPage page, Clock clock) {
    this.clock = clock;
    this.controller = controller;
    this.page = page;
    this.thread =
        Thread.ofPlatform()
            .daemon()
            .name("nvme-emulator-" + COUNT.incrementAndGet())
            .unstarted(this::run);
  }

  void start() {
    clock.start(thread);
  }

  private void run() {
    int idle = -1;
    while (!closing) {
      try {
        if (idle < 0) {
          TimerSlack.least();
          idle = 0;
        }
        idle = turn(idle);
      } catch (RuntimeException | Error e) {
        // Whoever waits learns it from the controller, which needs this thread to be reset.
        controller.threw(e);
        idle = 0;
      }
    }
  }

  private int turn(int idle) {
    int done = writes.isEmpty() ? 0 : writes.applyTo(controller);
    done += controller.poll();
    return done > 0 ? 0 : pause(idle);
  }

  /** Waits a little; returns how often that has happened without work in between. */
  private int pause(int idle) {
    if (controller.hasTimedWork()) {
      waitForDue(controller.nextDueNs() - clock.nanoTime());
      return 0;
    }
    if (idle < SPINS) {
      clock.spin();
      return idle + 1;
    }
    sleep(0);
    return 0;
  }

  private void waitForDue(long waitNs) {
    if (waitNs > 2 * WAKE_NS) {
      sleep(waitNs - WAKE_NS);
    } else {
      clock.spin();
    }
  }

  /** Parks unless there is something to do; 0 for no limit. */
  private void sleep(long limitNs) {
    state = ASLEEP;
    boolean idle = controller.isIdle();
    if (idle && controller.isStarved()) {
      state = STARVED;
      idle = controller.isIdle();
    }
    if (idle && writes.isEmpty() && !closing) {
      if (limitNs > 0) {
        clock.parkNanos(this, limitNs);
      } else {
        clock.park(this);
      }
    }
    state = AWAKE;
    var _ = Thread.interrupted(); // nobody interrupts this thread to any effect
  }

  /** For tests: the thread that executes. */
  Thread thread() {
    return thread;
  }

  private void wake() {
    if (state != AWAKE) {
      clock.unpark(thread);
    }
  }

  @Override
  public void registerWritten(int offset, int value) {
    writes.add(offset, value);
    wake();
  }

  @Override
  public boolean hasActed() {
    return writes.isEmpty();
  }

  @Override
  public Doorbell doorbell(int index) {
    return (index & 1) == 0 ? new TailDoorbell(this, index) : new HeadDoorbell(this, index);
  }

  @Override
  public void close() {
    closing = true;
    writes.close();
    clock.unpark(thread);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    controller.close();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The tail of a submission queue: always work for the device. */
  private static final class TailDoorbell implements Doorbell {
    private final DeviceThread engine;
    private final long offset;

    TailDoorbell(DeviceThread engine, int index) {
      this.engine = engine;
      this.offset = DoorbellPage.offset(index);
    }

    @Override
    public void ring(int value) {
      DoorbellPage.set(engine.page.memory, offset, value);
      engine.wake();
    }
  }

  /**
   * The head of a completion queue: the device need not be woken for it unless it waits for room, or
   * the value is one that it has to report.
   */
  private static final class HeadDoorbell implements Doorbell {
    private final DeviceThread engine;
    private final int index;

    HeadDoorbell(DeviceThread engine, int index) {
      this.engine = engine;
      this.index = index;
    }

    @Override
    public void ring(int value) {
      DoorbellPage.set(engine.page.memory, DoorbellPage.offset(index), value);
      int seen = engine.state;
      if (seen == STARVED || (seen == ASLEEP && !engine.page.isPlausible(index, value))) {
        engine.clock.unpark(engine.thread);
      }
    }
  }
}
