package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static io.nvmedirect.emulator.RawHost.write;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceThreadTest {

  private static Thread thread(RawHost host) {
    return Objects.requireNonNull(host.device.deviceThread());
  }

  private static void awaitParked(RawHost host) {
    RawHost.await("the thread to park", () -> thread(host).getState() == Thread.State.WAITING);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=thread", "mem:1MiB?model=flash"})
  void idle_parksAndWakesForEveryKindOfWork(String address) throws IOException {
    try (RawHost host = RawHost.open(address)) {
      awaitParked(host);
      host.enable(8);
      awaitParked(host);
      host.createQueue(1, 8, 1);
      for (int i = 0; i < 20; i++) {
        awaitParked(host);
        host.checkWorks();
      }
      awaitParked(host);
      host.device.write32(RawHost.CC, RawHost.ENABLE | 1 << 14);
      host.awaitStatus(1 | 2 << 2);
      host.disable();
      awaitParked(host);
      thread(host).interrupt();
      host.enable(8);
      awaitParked(host);
    }
  }

  @Test
  void inline_hasNoThread() throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      assertThat(host.device.deviceThread()).isNull();
    }
  }

  @Test
  void close_endsTheThread() throws IOException {
    RawHost host = RawHost.start("mem:1MiB?mode=thread");
    Thread thread = thread(host);
    host.close();
    assertThat(thread.isAlive()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread", "mem:1MiB?model=flash"})
  void close_whileInUseHarmsNobody(String address) throws Exception {
    for (int round = 0; round < 10; round++) {
      RawHost host = RawHost.start(address);
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      AtomicBoolean busy = new AtomicBoolean();
      List<Thread> users = new ArrayList<>();
      for (int id = 1; id <= 2; id++) {
        RawHost.Queue queue = id == 1 ? host.io() : host.createQueue(2, 16, 2);
        RawHost.Buffer data = host.buffer(4096);
        users.add(
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    for (int i = 0; host.device.read32(RawHost.CSTS) == 1; i++) {
                      queue.submit(i % 2 == 0 ? read(1, i % 99, 8, data) : write(1, 3, 8, data));
                      while (!queue.hasCompletion() && host.device.read32(RawHost.CSTS) == 1) {
                        Thread.onSpinWait();
                      }
                      if (queue.hasCompletion()) {
                        queue.take();
                        queue.ringHead();
                        busy.set(i > 20);
                      }
                    }
                    queue.ring();
                    host.device.write32(RawHost.CC, 0);
                  } catch (Throwable e) {
                    thrown.set(e);
                  }
                }));
      }
      RawHost.await("I/O", busy::get);
      host.device.close();
      for (Thread user : users) {
        user.join();
      }
      assertThat(thrown.get()).isNull();
      host.close();
    }
  }

  @Test
  void queues_ofSeveralThreadsDoNotDisturbEachOther() throws Exception {
    try (RawHost host = RawHost.start("mem:1MiB?mode=thread")) {
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      List<Thread> users = new ArrayList<>();
      for (int id = 2; id <= 4; id++) {
        RawHost.Queue queue = host.createQueue(id, 8, id);
        RawHost.Buffer out = host.buffer(4096).pattern(id);
        RawHost.Buffer in = host.buffer(4096);
        users.add(
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    for (int i = 0; i < 500; i++) {
                      long slba = queue.id * 100L + i % 90;
                      queue.ok(write(1, slba, 8, out));
                      queue.ok(read(1, slba, 8, in.fill(0)));
                      assertThat(in.memory().mismatch(out.memory())).isEqualTo(-1);
                    }
                  } catch (Throwable e) {
                    thrown.set(e);
                  }
                }));
      }
      for (Thread user : users) {
        user.join();
      }
      assertThat(thrown.get()).isNull();
    }
  }

  @Test
  void map_mayRunBesideIo() throws Exception {
    try (RawHost host = RawHost.start("mem:1MiB?mode=thread")) {
      AtomicBoolean stop = new AtomicBoolean();
      var memory = host.arena.allocate(1 << 20, 4096);
      Thread mapper =
          Thread.ofPlatform()
              .start(() -> {
                while (!stop.get()) {
                  try {
                    long a = host.device.dma().map(memory.asSlice(4096, 8192));
                    long b = host.device.dma().map(memory);
                    host.device.dma().unmap(a);
                    host.device.dma().unmap(b);
                  } catch (IOException e) {
                    throw new AssertionError(e);
                  }
                }
              });
      RawHost.Buffer data = host.buffer(4096);
      for (int i = 0; i < 2000; i++) {
        host.io().ok(read(1, i % 100, 8, data));
      }
      stop.set(true);
      mapper.join();
      host.io().ok(command(0).nsid(1));
    }
  }
}
