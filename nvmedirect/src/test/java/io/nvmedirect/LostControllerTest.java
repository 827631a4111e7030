package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.ForwardingFunction;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A controller whose server is gone while commands are in flight: they end soon, however their threads
 * wait, and not only when the time for a command is over, which is an hour here.
 */
@Timeout(300)
class LostControllerTest {

  private static final DeviceOptions PATIENT =
      DeviceOptions.defaults().withCommandTimeout(Duration.ofHours(1));

  private final LosableFunction function = new LosableFunction(FaultyDevice.emulator("mem:4MiB"));

  LostControllerTest() throws IOException {}

  /** A function that takes no commands at first, and is then lost. */
  private static final class LosableFunction extends ForwardingFunction {

    private volatile boolean deaf;
    private volatile boolean lost;
    private final AtomicInteger unheard = new AtomicInteger();
    private final List<InterruptVector> waiters = new ArrayList<>();

    LosableFunction(Emulator emulator) {
      super(emulator);
    }

    private void check() throws IOException {
      if (lost) {
        throw new NvmeException("the server is gone");
      }
    }

    @Override
    public int read32(int offset) throws IOException {
      check();
      return super.read32(offset);
    }

    @Override
    public void write32(int offset, int value) throws IOException {
      check();
      super.write32(offset, value);
    }

    @Override
    public Doorbell doorbell(int offset) throws IOException {
      Doorbell doorbell = super.doorbell(offset);
      return value -> {
        if (deaf) {
          unheard.incrementAndGet();
        } else {
          doorbell.ring(value);
        }
      };
    }

    @Override
    public InterruptVector vector(int index) throws IOException {
      InterruptVector vector = super.vector(index);
      synchronized (waiters) {
        waiters.add(vector);
      }
      return vector;
    }

    @Override
    public boolean reset() throws IOException {
      check();
      return super.reset();
    }

    @Override
    public boolean isLost() {
      return lost;
    }

    void lose() {
      lost = true;
      synchronized (waiters) {
        waiters.forEach(InterruptVector::wake);
      }
    }
  }

  private void failsSoon(boolean virtual, HandleOption... options) throws Exception {
    NvmeDevice device = NvmeDevice.open("mem:4MiB", new RingTransport(function), PATIENT);
    ConcurrentLinkedQueue<Exception> failures = new ConcurrentLinkedQueue<>();
    QueueOption[] queueOptions =
        options.length == 0 ? new QueueOption[0] : new QueueOption[] {QueueOption.INTERRUPT};
    try (NvmeQueue queue = device.createQueue(queueOptions);
        NvmeHandle handle = queue.createHandle(options)) {
      function.deaf = true;
      Runnable reading =
          () -> {
            try {
              handle.read(MemorySegment.ofArray(new byte[4096]), 0);
            } catch (IOException e) {
              failures.add(e);
            }
          };
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        threads.add(
            virtual ? Thread.ofVirtual().start(reading) : Thread.ofPlatform().start(reading));
      }
      while (queue.inFlight() < 3) {
        Thread.sleep(1);
      }
      function.lose();
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(failures).hasSize(3);
      assertThatThrownBy(() -> handle.read(MemorySegment.ofArray(new byte[4096]), 0))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("could not be reset");
      assertThat(device.mayStillUseMemory())
          .as("no memory is kept for a lost controller")
          .isFalse();
    }
    device.close();
  }

  @Test
  void loss_endsWhatThreadsPollFor() throws Exception {
    failsSoon(false);
  }

  @Test
  void loss_endsWhatThreadsBlockFor() throws Exception {
    failsSoon(false, HandleOption.INTERRUPT);
  }

  @Test
  void loss_endsWhatVirtualThreadsParkFor() throws Exception {
    failsSoon(true);
  }

  @Test
  void loss_endsAnAdminCommand() throws Exception {
    try (NvmeDevice device = NvmeDevice.open("mem:4MiB", new RingTransport(function), PATIENT)) {
      function.deaf = true;
      int before = function.unheard.get();
      ConcurrentLinkedQueue<Exception> failures = new ConcurrentLinkedQueue<>();
      Thread thread =
          Thread.ofPlatform()
              .start(() -> {
                try (NvmeQueue queue = device.createQueue()) {
                  failures.add(new IllegalStateException("was made: " + queue.id()));
                } catch (IOException e) {
                  failures.add(e);
                }
              });
      while (function.unheard.get() == before) {
        Thread.sleep(1);
      }
      function.lose();
      thread.join();
      assertThat(failures).hasSize(1).allMatch(e -> e instanceof NvmeException);
    }
  }
}
