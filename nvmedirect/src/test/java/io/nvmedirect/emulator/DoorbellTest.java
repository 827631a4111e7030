package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.ALL;
import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DoorbellTest {

  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void queues_wrapAround(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Buffer data = host.buffer(4096);
      for (int entries : new int[] {2, 3, 7}) {
        RawHost.Queue queue = host.createQueue(entries, entries, 0);
        for (int i = 0; i < 5 * entries; i++) {
          int batch = 1 + i % (entries - 1);
          int sqHead = 0;
          for (int k = 0; k < batch; k++) {
            queue.post(read(1, i, 1, data));
          }
          queue.ring();
          for (int k = 0; k < batch; k++) {
            sqHead = queue.take().sqHead();
          }
          queue.ringHead();
          assertThat(sqHead).isEqualTo(queue.tail);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread", "mem:1MiB?model=flash"})
  void completionQueue_fullMakesTheDeviceWait(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Queue queue = host.new Queue(2, 16);
      host.admin().ok(host.createCq(queue, 0).cdw(10, 3 << 16 | 2));
      host.admin().ok(host.createSq(queue));
      RawHost.Buffer data = host.buffer(4096);
      for (int i = 0; i < 15; i++) {
        queue.post(read(1, i, 1, data));
      }
      queue.ring();
      int taken = 0;
      int head = 0;
      int phase = 1;
      while (taken < 15) {
        int available = Math.min(3, 15 - taken);
        for (int i = 0; i < available; i++) {
          long at = head * 16L + 12;
          int expected = phase;
          RawHost.await(
              "completion " + taken,
              () -> ((int) WORD.getAcquire(queue.cq.memory(), at) >>> 16 & 1) == expected);
          assertThat(queue.cq.u16(at)).as("CID").isEqualTo(taken);
          taken++;
          if (++head == 4) {
            head = 0;
            phase ^= 1;
          }
        }
        long next = head * 16L + 12;
        assertThat(queue.cq.u32(next) >>> 16 & 1).as("no entry beyond").isNotEqualTo(phase);
        host.device.write32(0x1004 + 8 * 2, head);
      }
    }
  }

  @Test
  void doorbell_invalidValueIsAnEvent() throws IOException {
    int value = 0x0001_0100;
    try (RawHost host = RawHost.start("mem:1MiB")) {
      assertEvent(host, value, () -> host.device.write32(0x1008, 64));
      assertEvent(host, value, () -> host.device.write32(0x1008, -5));
      assertEvent(host, value, () -> host.device.write32(0x1008, 0x1_0001));
      assertEvent(host, value, () -> host.device.write32(0x100C, 1)); // nothing was posted
      assertEvent(host, value, () -> host.device.write32(0x100C, 64));
      host.checkWorks();
    }
    try (RawHost host = RawHost.start("mem:1MiB?mode=thread")) {
      assertEvent(host, value, () -> host.device.write32(0x1008, 64));
      assertEvent(host, value, () -> host.device.write32(0x100C, 64));
      host.checkWorks();
    }
  }

  @Test
  void doorbell_tailOverrunIsAnEvent() throws IOException {
    try (RawHost host = RawHost.start("mem:1MiB")) {
      RawHost.Queue queue = host.new Queue(2, 8);
      host.admin().ok(host.createCq(queue, 0).cdw(10, 1 << 16 | 2)); // room for one completion
      host.admin().ok(host.createSq(queue));
      for (int i = 0; i < 7; i++) {
        queue.post(command(0).nsid(1));
      }
      queue.ring();
      assertThat(queue.hasCompletion()).isTrue();
      // Six wait: one more fits, two more overrun.
      assertEvent(host, 0x0001_0100, () -> host.device.write32(0x1010, 1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void doorbell_withoutQueueIsAnEvent(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      for (int offset : new int[] {0x1010, 0x1014, 0x1000 + 8 * 64, 0x1000 + 8 * 65, 0x1FFC}) {
        assertEvent(host, 0x0001_0000, () -> host.device.write32(offset, 0));
      }
      RawHost.Queue admin = host.admin();
      admin.ok(command(0x00).cdw(10, 1));
      assertEvent(host, 0x0001_0000, () -> host.device.write32(0x1008, 3));
    }
  }

  private static void assertEvent(RawHost host, int result, Runnable action) throws IOException {
    int cid = host.admin().submit(command(0x0C));
    long errors = host.log(1, 64, false).u64(0);
    action.run();
    RawHost.Completion event = host.admin().take();
    host.admin().ringHead();
    assertThat(event.cid()).isEqualTo(cid);
    assertThat(event.statusField()).isZero();
    assertThat(event.dw0()).isEqualTo(result);
    RawHost.Buffer log = host.log(1, 64, false);
    assertThat(log.u64(0)).as("error count").isEqualTo(errors + 1);
    assertThat(log.u16(8)).as("SQID: no command").isEqualTo(0xFFFF);
  }

  // ---- Shadow doorbells.

  private static boolean needsDoorbell(int eventIndex, int value, int old) {
    return (value - eventIndex - 1 & 0xFFFF) < (value - old & 0xFFFF);
  }

  /** Rings as a host with shadow doorbells does; whether the register had to be written. */
  private static boolean ring(
      RawHost host, RawHost.Buffer shadow, RawHost.Buffer events, int index, int value) {
    long at = index * 4L;
    int old = (int) WORD.get(shadow.memory(), at);
    WORD.setVolatile(shadow.memory(), at, value);
    VarHandle.fullFence();
    boolean needed = needsDoorbell((int) WORD.getVolatile(events.memory(), at), value, old);
    if (needed) {
      host.device.write32(0x1000 + 4 * index, value);
    }
    return needed;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:1MiB?mode=inline&shadow=on",
        "mem:1MiB?mode=thread&shadow=on",
        "mem:1MiB?model=flash&shadow=on"
      })
  void shadowDoorbells_loseNothing(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Buffer shadow = host.buffer(4096);
      RawHost.Buffer events = host.buffer(4096);
      RawHost.Buffer data = host.buffer(4096);
      for (int i = 0; i < 5; i++) {
        host.io().ok(read(1, 0, 1, data)); // the queue is older than the shadow
      }
      host.admin().ok(command(0x7C).prp(shadow.iova(), events.iova()));
      RawHost.Queue small = host.createQueue(2, 4, 2);
      int saved = 0;
      for (RawHost.Queue queue : new RawHost.Queue[] {host.io(), small}) {
        for (int i = 0; i < 300; i++) {
          int batch = 1 + i % (queue.entries - 1);
          for (int k = 0; k < batch; k++) {
            queue.post(read(1, i, 1, data));
            saved += ring(host, shadow, events, 2 * queue.id, queue.tail) ? 0 : 1;
          }
          for (int k = 0; k < batch; k++) {
            assertThat(queue.take().statusField()).isZero();
            saved += ring(host, shadow, events, 2 * queue.id + 1, queue.head) ? 0 : 1;
          }
        }
      }
      assertThat(saved).as("doorbells saved").isPositive();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline&shadow=on", "mem:1MiB?mode=thread&shadow=on"})
  void shadowDoorbells_wakeADeviceThatWaitsForRoom(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Buffer shadow = host.buffer(4096);
      RawHost.Buffer events = host.buffer(4096);
      host.admin().ok(command(0x7C).prp(shadow.iova(), events.iova()));
      RawHost.Queue queue = host.new Queue(2, 64);
      host.admin().ok(host.createCq(queue, 0).cdw(10, 1 << 16 | 2)); // one completion fits
      host.admin().ok(host.createSq(queue));
      for (int i = 0; i < 40; i++) {
        queue.post(command(0).nsid(1));
      }
      ring(host, shadow, events, 4, queue.tail);
      int phase = 1;
      for (int i = 0; i < 40; i++) {
        long at = (i % 2) * 16L + 12;
        int expected = phase;
        RawHost.await(
            "completion " + i,
            () -> ((int) WORD.getAcquire(queue.cq.memory(), at) >>> 16 & 1) == expected);
        if (i % 2 == 1) {
          phase ^= 1;
        }
        Thread device = host.device.deviceThread();
        if (device != null && i % 8 == 0) {
          RawHost.await("the thread to park", () -> device.getState() == Thread.State.WAITING);
        }
        ring(host, shadow, events, 5, (i + 1) % 2);
      }
    }
  }

  @Test
  void shadowDoorbells_areOfferedWithTheOption() throws IOException {
    try (RawHost host = RawHost.start("mem:1MiB?shadow=on")) {
      assertThat(host.identify(1, 0).u16(256)).as("OACS").isEqualTo(0x102);
      assertThat(host.log(5, 4096, false).u32(0x7C * 4)).as("effects").isEqualTo(1);
    }
  }

  @Test
  void shadowDoorbells_thatAreNotOfferedAreRefused() throws IOException {
    try (RawHost host = RawHost.start("mem:1MiB")) {
      RawHost.Buffer pages = host.buffer(8192);
      assertThat(host.admin().refused(command(0x7C).prp(pages.iova(), pages.iova() + 4096)))
          .isEqualTo(0x001);
      host.checkWorks();
    }
  }

  @Test
  void shadowDoorbells_badBuffersAreRefused() throws IOException {
    for (String mode :
        new String[] {"mem:1MiB?mode=inline&shadow=on", "mem:1MiB?mode=thread&shadow=on"}) {
      try (RawHost host = RawHost.start(mode)) {
        RawHost.Buffer shadow = host.buffer(4096);
        RawHost.Buffer events = host.buffer(4096);
        RawHost.Queue admin = host.admin();
        assertThat(admin.refused(command(0x7C).prp(shadow.iova() + 4, events.iova())))
            .isEqualTo(0x002);
        assertThat(admin.refused(command(0x7C).prp(shadow.iova(), events.iova() + 4)))
            .isEqualTo(0x002);
        assertThat(admin.status(command(0x7C).prp(0, events.iova()))).isEqualTo(0x004);
        assertThat(admin.status(command(0x7C).prp(shadow.iova(), 0))).isEqualTo(0x004);
        host.checkWorks();
        admin.ok(command(0x7C).prp(shadow.iova(), events.iova()));
        host.device.dma().unmap(shadow.iova());
        host.io().submit(command(0).nsid(ALL));
        host.awaitStatus(3);
        host.disable();
        host.enable(8);
        host.createQueue(1, 8, 1);
        host.checkWorks();
      }
    }
  }
}
