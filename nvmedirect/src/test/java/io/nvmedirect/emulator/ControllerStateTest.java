package io.nvmedirect.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ControllerStateTest {

  private static final String[] MODES = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"};

  @Test
  void registers_capabilitiesAreThoseOfTheSpecification() throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      long cap = host.device.read64(RawHost.CAP);
      assertThat(cap & 0xFFFF).as("MQES").isEqualTo(4095);
      assertThat(cap >>> 16 & 1).as("CQR").isEqualTo(1);
      assertThat(cap >>> 17 & 3).as("AMS").isZero();
      assertThat(cap >>> 24 & 0xFF).as("TO").isBetween(2L, 120L);
      assertThat(cap >>> 32 & 0xF).as("DSTRD").isZero();
      assertThat(cap >>> 36 & 1).as("NSSRS").isEqualTo(1);
      assertThat(cap >>> 37 & 0xFF).as("CSS").isEqualTo(1);
      assertThat(cap >>> 48).as("MPSMIN and MPSMAX").isZero();
      assertThat(host.device.read32(RawHost.VS)).isEqualTo(0x0001_0400);
      assertThat(host.device.read32(RawHost.CSTS)).isZero();
      assertThat(host.device.read32(0x38)).as("CMBLOC").isZero();
      assertThat(host.device.read32(0x1000)).as("a doorbell").isZero();
    }
  }

  @Test
  void registers_keepWhatIsWritten() throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      host.device.write32(RawHost.AQA, 0x001F_003F);
      host.device.write64(RawHost.ASQ, 0x1234_5678_9ABC_D000L);
      host.device.write64(RawHost.ACQ, 0x0FED_CBA9_8765_4000L);
      host.device.write32(RawHost.CAP, -1);
      host.device.write32(0xFFC, 5);
      host.device.write32(-4, 5);
      host.device.write32(0x7FFF_FFFC, 5);
      assertThat(host.device.read32(RawHost.AQA)).isEqualTo(0x001F_003F);
      assertThat(host.device.read64(RawHost.ASQ)).isEqualTo(0x1234_5678_9ABC_D000L);
      assertThat(host.device.read64(RawHost.ACQ)).isEqualTo(0x0FED_CBA9_8765_4000L);
      assertThat(host.device.read32(RawHost.CAP) & 0xFFFF).isEqualTo(4095);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void enable_becomesReadyAndResetForgetsQueues(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      host.checkWorks();
      host.disable();
      assertThat(host.device.read32(RawHost.AQA)).as("AQA survives").isEqualTo(0x001F_001F);
      host.enable(16);
      assertThat(host.admin().status(RawHost.command(0x00).cdw(10, 1)))
          .as("queue 1 is gone")
          .isEqualTo(0x101);
      host.createQueue(1, 8, 1);
      host.checkWorks();
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        RawHost.ENABLE | 1 << 7, // MPS: 8 KiB
        RawHost.ENABLE | 1 << 4, // CSS
        RawHost.ENABLE | 7 << 4, // CSS: admin only
        RawHost.ENABLE | 1 << 11, // AMS: weighted round robin
        0x0045_0001, // IOSQES
        0x0036_0001, // IOCQES
        1
      })
  void enable_badConfigurationIsFatalUntilReset(int cc) throws IOException {
    for (String mode : MODES) {
      try (RawHost host = RawHost.open(mode)) {
        RawHost.Queue admin = host.new Queue(0, 4);
        host.device.write32(RawHost.AQA, 0x0003_0003);
        host.device.write64(RawHost.ASQ, admin.sq.iova());
        host.device.write64(RawHost.ACQ, admin.cq.iova());
        host.device.write32(RawHost.CC, cc);
        host.awaitStatus(2);
        host.device.write32(RawHost.CC, cc & ~1);
        host.awaitStatus(0);
        host.enable(4);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        RawHost.ENABLE | 2 << 11, // AMS: reserved
        RawHost.ENABLE | 3 << 11,
        RawHost.ENABLE | 7 << 11 // AMS: vendor specific
      })
  void enable_arbitrationThatIsNotOfferedIsFatal(int cc) throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB?arbitration=wrr")) {
      assertThat(host.device.read64(RawHost.CAP) >>> 17 & 3).as("AMS").isEqualTo(1);
      RawHost.Queue admin = host.new Queue(0, 4);
      host.device.write32(RawHost.AQA, 0x0003_0003);
      host.device.write64(RawHost.ASQ, admin.sq.iova());
      host.device.write64(RawHost.ACQ, admin.cq.iova());
      host.device.write32(RawHost.CC, cc);
      host.awaitStatus(2);
      host.disable();
      host.enable(4, RawHost.ENABLE_WEIGHTED);
      assertThat(host.device.read32(RawHost.CC)).isEqualTo(0x0046_0801);
    }
  }

  @Test
  void enable_badAdminQueueIsFatal() throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      RawHost.Queue admin = host.new Queue(0, 64);
      long sq = admin.sq.iova();
      long cq = admin.cq.iova();
      int aqa = 0x003F_003F;
      assertFatal(host, 0x003F_0000, sq, cq);
      assertFatal(host, 0x0000_003F, sq, cq);
      assertFatal(host, 0x1000_0000 | aqa, sq, cq);
      assertFatal(host, aqa, sq + 64, cq);
      assertFatal(host, aqa, sq, cq + 16);
      assertFatal(host, aqa, 0, cq);
      assertFatal(host, aqa, sq, 0x5000);
      assertFatal(host, 0x003F_0FFF, sq, cq); // longer than its memory
      assertFatal(host, aqa, -4096, cq);
      host.enable(64);
    }
  }

  private static void assertFatal(RawHost host, int aqa, long asq, long acq) {
    host.device.write32(RawHost.AQA, aqa);
    host.device.write64(RawHost.ASQ, asq);
    host.device.write64(RawHost.ACQ, acq);
    host.device.write32(RawHost.CC, RawHost.ENABLE);
    host.awaitStatus(2);
    host.disable();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void shutdown_completesAndStopsExecution(int notification) throws IOException {
    for (String mode : MODES) {
      try (RawHost host = RawHost.start(mode)) {
        host.device.write32(RawHost.CC, RawHost.ENABLE | notification << 14);
        host.awaitStatus(1 | 2 << 2);
        host.io().submit(RawHost.command(0).nsid(1));
        host.disable();
        assertThat(host.io().hasCompletion()).isFalse();
        host.enable(8);
        host.createQueue(1, 8, 1);
        host.checkWorks();
      }
    }
  }

  @Test
  void shutdown_ofDisabledControllerCompletes() throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      host.device.write32(RawHost.CC, 1 << 14);
      host.awaitStatus(2 << 2);
      host.enable(4);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?mode=inline", "mem:1MiB?mode=thread"})
  void subsystemReset_needsTheMagicValue(String address) throws IOException {
    try (RawHost host = RawHost.start(address)) {
      host.device.write32(RawHost.NSSR, 0x1234);
      host.checkWorks();
      host.device.write32(RawHost.NSSR, 0x4E56_4D65);
      host.awaitStatus(1 << 4);
      assertThat(host.device.read32(RawHost.CC)).isZero();
      assertThat(host.device.read32(RawHost.AQA)).isZero();
      host.device.write32(RawHost.CSTS, 1 << 4);
      host.awaitStatus(0);
      host.enable(8);
      host.createQueue(1, 8, 1);
      host.checkWorks();
      assertThat(host.log(2, 512, false).u64(144)).as("unsafe shutdowns").isEqualTo(1);
    }
  }

  @Test
  void queueMemory_goneIsFatal() throws IOException {
    for (String mode : MODES) {
      try (RawHost host = RawHost.start(mode)) {
        host.device.dma().unmap(host.io().sq.iova());
        host.io().submit(RawHost.command(0).nsid(1));
        host.awaitStatus(3);
        host.disable();
        host.enable(8);
        host.createQueue(1, 8, 1);
        host.device.dma().unmap(host.io().cq.iova());
        host.io().submit(RawHost.command(0).nsid(1));
        host.awaitStatus(3);
      }
    }
  }

  @Test
  void close_readsAllOnesAndIsIdempotent() throws IOException {
    for (String mode : MODES) {
      RawHost host = RawHost.start(mode);
      long iova = host.buffer(4096).iova();
      host.device.close();
      host.device.close();
      assertThat(host.device.read32(RawHost.CSTS)).isEqualTo(-1);
      assertThat(host.device.read64(RawHost.CAP)).isEqualTo(-1);
      host.device.write32(RawHost.CC, 0);
      host.io().ring();
      host.device.dma().unmap(iova);
      assertThatThrownBy(() -> host.buffer(4096)).isInstanceOf(IOException.class);
      host.close();
    }
  }

  @Test
  void doorbell_needsAnOffsetOfOne() throws IOException {
    try (RawHost host = RawHost.open("mem:1MiB")) {
      assertThatThrownBy(() -> host.device.doorbell(0x14))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> host.device.doorbell(0x1002))
          .isInstanceOf(IllegalArgumentException.class);
      host.device.doorbell(0x1FFC).ring(3);
    }
  }
}
