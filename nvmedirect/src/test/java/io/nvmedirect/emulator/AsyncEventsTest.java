package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AsyncEventsTest {

  private RawHost host;
  private RawHost.Queue admin;

  @BeforeEach
  void start() throws IOException {
    host = RawHost.start("mem:1MiB");
    admin = host.admin();
  }

  @AfterEach
  void stop() {
    host.close();
  }

  private RawHost.Completion event() {
    RawHost.Completion event = admin.take();
    admin.ringHead();
    return event;
  }

  @Test
  void request_beyondTheLimitIsRefused() {
    for (int i = 0; i < 4; i++) {
      admin.submit(command(0x0C));
    }
    assertThat(admin.hasCompletion()).isFalse();
    assertThat(admin.refused(command(0x0C))).isEqualTo(0x105);
  }

  @Test
  void request_isAborted() {
    int cid = admin.submit(command(0x0C));
    int abort = admin.submit(command(0x08).cdw(10, cid << 16));
    RawHost.Completion first = event();
    assertThat(first.cid()).isEqualTo(cid);
    assertThat(first.status()).isEqualTo(0x007);
    RawHost.Completion second = event();
    assertThat(second.cid()).isEqualTo(abort);
    assertThat(second.dw0() & 1).as("not aborted").isZero();
    assertThat(admin.ok(command(0x08).cdw(10, cid << 16)) & 1).isEqualTo(1);
    assertThat(admin.ok(command(0x08).cdw(10, 5 << 16 | 1)) & 1).isEqualTo(1);
    assertThat(admin.ok(command(0x08).cdw(10, 0xFFFF_FFFF)) & 1).isEqualTo(1);
  }

  @Test
  void event_masksItsTypeUntilTheLogIsReadWithoutRae() throws IOException {
    host.device.write32(0x1008, 64);
    admin.submit(command(0x0C));
    assertThat(event().dw0()).as("an event waits for a request").isEqualTo(0x0001_0100);
    admin.submit(command(0x0C));
    host.device.write32(0x1008, 64);
    assertThat(admin.hasCompletion()).as("masked").isFalse();
    host.log(1, 64, true);
    host.device.write32(0x1008, 64);
    assertThat(admin.hasCompletion()).as("RAE keeps the mask").isFalse();
    host.log(1, 64, false);
    assertThat(admin.hasCompletion()).as("the log had all of them").isFalse();
    host.device.write32(0x1008, 64);
    assertThat(event().dw0()).isEqualTo(0x0001_0100);
  }

  @Test
  void event_temperatureThresholdIsReportedIfAskedFor() throws IOException {
    admin.submit(command(0x0C));
    admin.ok(command(0x09).cdw(10, 4).cdw(11, 300));
    assertThat(admin.hasCompletion()).as("not configured").isFalse();
    assertThat(host.log(2, 512, false).u8(0)).as("critical warning").isEqualTo(2);
    admin.ok(command(0x09).cdw(10, 4).cdw(11, 340));
    admin.ok(command(0x09).cdw(10, 0x0B).cdw(11, 2));
    assertThat(admin.hasCompletion()).isFalse();
    admin.submit(command(0x09).cdw(10, 4).cdw(11, 1 << 20 | 350)); // under threshold
    assertThat(event().statusField()).isZero();
    assertThat(event().dw0()).isEqualTo(0x0002_0101);
    assertThat(host.log(2, 512, false).u8(0)).isEqualTo(2);
  }

  @Test
  void event_formatIsANamespaceNotice() throws IOException {
    admin.ok(command(0x09).cdw(10, 0x0B).cdw(11, 1 << 8));
    admin.submit(command(0x0C));
    admin.submit(command(0x80).nsid(1).cdw(10, 1));
    assertThat(event().statusField()).isZero();
    assertThat(event().dw0()).isEqualTo(0x0004_0002);
    assertThat(host.log(4, 4096, false).u32(0)).isEqualTo(1);
  }

  @Test
  void event_ofAnotherHostsChangeIsReportedOnceUntilTheListIsRead() throws IOException {
    admin.ok(command(0x09).cdw(10, 0x0B).cdw(11, 1 << 8));
    admin.submit(command(0x0C));
    admin.submit(command(0x0C));
    host.device.changeElsewhere(1, 4096, 256);
    assertThat(event().dw0()).as("without a command of this host").isEqualTo(0x0004_0002);
    host.device.changeElsewhere(1, 512, 2048);
    assertThat(admin.hasCompletion()).as("masked").isFalse();
    assertThat(host.log(4, 4096, true).u32(0)).isEqualTo(1);
    host.device.changeElsewhere(1, 4096, 256);
    assertThat(admin.hasCompletion()).as("RAE keeps the mask").isFalse();
    RawHost.Buffer list = host.log(4, 4096, false);
    assertThat(list.u32(0)).as("with RAE, the list was not cleared").isEqualTo(1);
    assertThat(list.u32(4)).isZero();
    assertThat(admin.hasCompletion()).as("the list had all of them").isFalse();
    assertThat(host.log(4, 4096, false).u32(0)).as("cleared").isZero();
    host.device.changeElsewhere(1, 512, 1024);
    assertThat(event().dw0()).isEqualTo(0x0004_0002);
    assertThat(host.identify(0, 1).u64(0)).isEqualTo(1024);
  }

  @Test
  void event_ofANamespaceIsNotReportedUnlessAskedFor() throws IOException {
    admin.submit(command(0x0C));
    host.device.changeElsewhere(1, 4096, 256);
    assertThat(admin.hasCompletion()).isFalse();
    assertThat(host.log(4, 4096, true).u32(0)).as("it is in the list").isEqualTo(1);
    assertThat(host.identify(1, 0).u32(92)).as("OAES").isEqualTo(1 << 8);
  }

  @Test
  void format_isRefusedWhileCommandsAreInFlight() throws IOException {
    try (RawHost slow = RawHost.start("mem:1MiB?model=flash")) {
      slow.device.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid == 1 ? FaultInjector.DROP : FaultInjector.NONE);
      RawHost.Buffer data = slow.buffer(4096);
      int cid = slow.io().submit(RawHost.read(1, 0, 1, data));
      assertThat(slow.admin().status(command(0x80).nsid(1).cdw(10, 1))).isEqualTo(0x00C);
      assertThat(slow.identify(0, 1).u8(26)).as("the format is what it was").isZero();
      slow.admin().ok(command(0x08).cdw(10, cid << 16 | 1));
      slow.admin().ok(command(0x80).nsid(1).cdw(10, 1));
      assertThat(slow.identify(0, 1).u8(26)).isEqualTo(1);
    }
  }

  @Test
  void reset_forgetsRequestsAndEvents() throws IOException {
    admin.submit(command(0x0C));
    host.disable();
    host.enable(8);
    host.device.write32(0x1008, 64);
    assertThat(host.admin().hasCompletion()).isFalse();
  }
}
