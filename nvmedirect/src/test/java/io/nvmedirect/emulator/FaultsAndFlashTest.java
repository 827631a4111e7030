package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FaultsAndFlashTest {

  private static FaultInjector onRead(int fault) {
    return (sqid, opcode, nsid, slba, blocks) -> sqid == 1 && opcode == 2 ? fault : 0;
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread", "mem:1MiB?model=flash"})
  void inject_statusDropAndAbort(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Buffer data = host.buffer(4096);
      List<String> seen = new ArrayList<>();
      host.device.inject((sqid, opcode, nsid, slba, blocks) -> {
        seen.add(sqid + " " + opcode + " " + nsid + " " + slba + " " + blocks);
        return opcode == 2 ? 0x281 : 0;
      });
      assertThat(host.io().status(read(1, 77, 3, data))).isEqualTo(0x281);
      assertThat(host.io().status(command(0).nsid(1))).isZero();
      assertThat(seen).containsExactly("1 2 1 77 3", "1 0 1 0 0");

      host.device.inject(onRead(FaultInjector.DROP));
      int cid = host.io().submit(read(1, 0, 1, data));
      host.io().ok(command(0).nsid(1));
      assertThat(host.admin().ok(command(8).cdw(10, cid << 16 | 2)) & 1).isEqualTo(1);
      assertThat(host.admin().ok(command(8).cdw(10, cid << 16 | 1)) & 1).isZero();
      RawHost.Completion aborted = host.io().take();
      host.io().ringHead();
      assertThat(aborted.cid()).isEqualTo(cid);
      assertThat(aborted.status()).isEqualTo(0x007);
      host.device.inject(null);
      host.checkWorks();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void inject_hangFatalAndRemove(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      RawHost.Buffer data = host.buffer(4096);
      host.device.inject(onRead(FaultInjector.FATAL));
      host.io().submit(read(1, 0, 1, data));
      host.awaitStatus(3);
      host.disable();
      host.device.inject(onRead(FaultInjector.HANG));
      host.enable(8);
      host.createQueue(1, 8, 1);
      host.io().submit(read(1, 0, 1, data));
      host.admin().submit(command(0x0C));
      Thread thread = host.device.deviceThread();
      if (thread != null) {
        RawHost.await("the thread to park", () -> thread.getState() == Thread.State.WAITING);
      }
      host.device.write32(RawHost.CC, 0);
      assertThat(host.device.read32(RawHost.CSTS)).as("registers stay").isEqualTo(1);
      host.device.write32(RawHost.NSSR, 0x4E56_4D65);
      host.awaitStatus(1 << 4);
      host.device.inject(onRead(FaultInjector.REMOVE));
      host.device.write32(RawHost.CSTS, 1 << 4);
      host.awaitStatus(0);
      host.enable(8);
      host.createQueue(1, 8, 1);
      host.io().submit(read(1, 0, 1, data));
      host.awaitStatus(-1);
    }
  }

  @Test
  void flash_deletedQueueCompletesItsCommandsFirst() throws IOException {
    try (RawHost host = RawHost.start("mem:64MiB?model=flash")) {
      RawHost.Buffer data = host.buffer(4096);
      // Writes until the cache is full, so that the last ones take long, and a Flush behind them.
      for (int i = 0; i < 63; i++) {
        host.io().post(command(0).nsid(1));
      }
      host.io().ring();
      host.admin().ok(command(0x00).cdw(10, 1));
      int ended = 0;
      while (host.io().hasCompletion()) {
        int status = host.io().take().status();
        assertThat(status).isIn(0x000, 0x008);
        ended++;
      }
      assertThat(ended).as("all that were fetched").isLessThanOrEqualTo(63);
      host.admin().ok(command(0x04).cdw(10, 1));
      host.createQueue(1, 8, 1);
      host.io().ok(read(1, 0, 1, data));
    }
  }

  @Test
  void flash_manyInFlightAllComplete() throws IOException {
    try (RawHost host = RawHost.start("mem:64MiB?model=flash")) {
      RawHost.Queue queue = host.createQueue(2, 4096, 2);
      RawHost.Buffer data = host.buffer(4096);
      for (int round = 0; round < 2; round++) {
        boolean[] seen = new boolean[65536];
        for (int i = 0; i < 4095; i++) {
          queue.post(read(1, i * 32L, 8, data));
        }
        queue.ring();
        for (int i = 0; i < 4095; i++) {
          RawHost.Completion completion = queue.take();
          assertThat(completion.statusField()).isZero();
          assertThat(seen[completion.cid()]).as("CID %d twice", completion.cid()).isFalse();
          seen[completion.cid()] = true;
          queue.ringHead();
        }
      }
    }
  }

  @Test
  void flashModel_isDeterministicAndHasTheLatenciesOfNand() {
    FlashModel model = new FlashModel(0);
    FlashModel same = new FlashModel(0);
    List<Long> latencies = new ArrayList<>();
    long now = 0;
    for (int i = 0; i < 10_000; i++) {
      long due = model.dueNs(Opcode.READ, i * 40_960L, 4096, now);
      assertThat(same.dueNs(Opcode.READ, i * 40_960L, 4096, now)).isEqualTo(due);
      latencies.add(due - now);
      now = due;
    }
    latencies.sort(Long::compare);
    assertThat(latencies.get(5000)).as("median").isBetween(70_000L, 90_000L);
    assertThat(latencies.get(9990)).as("tail").isGreaterThan(100_000L);
    assertThat(latencies.get(0)).isGreaterThan(60_000L);

    long write = model.dueNs(Opcode.WRITE, 0, 4096, now) - now;
    assertThat(write).as("into the cache").isEqualTo(20_000);
    long due = now;
    for (int i = 0; i < 10_000; i++) {
      due = model.dueNs(Opcode.WRITE, 0, 128 << 10, now);
    }
    long bytesPerSecond = (10_000L << 17) * 1_000_000_000 / (due - now);
    assertThat(bytesPerSecond).as("saturated").isBetween(800_000_000L, 1_500_000_000L);
    assertThat(model.dueNs(Opcode.FLUSH, 0, 0, now)).as("flush drains").isGreaterThanOrEqualTo(due);

    long begin = due * 2;
    long last = begin;
    for (int i = 0; i < 256; i++) {
      last = Math.max(last, model.dueNs(Opcode.READ, i * 16_384L, 4096, begin));
    }
    assertThat(last - begin).as("256 reads on 32 dies").isLessThan(256 * 74_000L / 8);
  }
}
