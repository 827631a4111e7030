package io.nvmedirect.spec;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * Register values that were recorded between SPDK's NVMe driver and SPDK's NVMe target, which nobody
 * here wrote, and values from the figures of NVMe 1.4, section 3.1.
 */
class RegisterTest {

  /** CAP of SPDK's target: bytes ff 00 01 1e 20 00 00 08. */
  private static final long SPDK_CAP = 0x08000020_1E0100FFL;

  @Test
  void cap_ofSpdk_isDecoded() {
    assertThat(Register.maxQueueEntries(SPDK_CAP)).isEqualTo(256);
    assertThat(Register.readyTimeoutMs(SPDK_CAP)).isEqualTo(15_000);
    assertThat(Register.doorbellStrideBytes(SPDK_CAP)).isEqualTo(4);
    assertThat(Register.hasSubsystemReset(SPDK_CAP)).isFalse();
    assertThat(Register.hasNvmCommandSet(SPDK_CAP)).isTrue();
    assertThat(Register.minPageBytes(SPDK_CAP)).isEqualTo(4096);
    assertThat(Register.maxPageBytes(SPDK_CAP)).isEqualTo(4096);
  }

  @Test
  void cap_withEveryFieldAtItsLimit_isDecoded() {
    long cap = 0xFL << 52 | 0xFL << 48 | 1L << 36 | 0xFL << 32 | 0xFFL << 24 | 0xFFFF;
    assertThat(Register.maxQueueEntries(cap)).isEqualTo(65536);
    assertThat(Register.readyTimeoutMs(cap)).isEqualTo(127_500);
    assertThat(Register.doorbellStrideBytes(cap)).isEqualTo(4 << 15);
    assertThat(Register.hasSubsystemReset(cap)).isTrue();
    assertThat(Register.hasNvmCommandSet(cap)).isFalse();
    assertThat(Register.minPageBytes(cap)).isEqualTo(128L << 20);
    assertThat(Register.maxPageBytes(cap)).isEqualTo(128L << 20);
  }

  @Test
  void cc_isWhatSpdkWrites() {
    assertThat(Register.enabledConfiguration(4096)).isEqualTo(0x00460001);
    assertThat(Register.enabledConfiguration(4096) | Register.CC_SHUTDOWN_NORMAL)
        .isEqualTo(0x00464001);
  }

  @Test
  void arbitration_isBit17OfCapAndBits13To11OfCc() {
    assertThat(Register.hasWeightedRoundRobin(SPDK_CAP)).isFalse();
    assertThat(Register.hasWeightedRoundRobin(1L << 17)).isTrue();
    assertThat(Register.hasWeightedRoundRobin(~(1L << 17))).as("vendor specific").isFalse();
    assertThat(Register.enabledConfiguration(4096) | Register.CC_WEIGHTED_ROUND_ROBIN)
        .isEqualTo(0x00460801);
    assertThat(Register.CC_ARBITRATION_MASK).isEqualTo(0x3800);
  }

  @Test
  void aqa_isWhatSpdkWrites() {
    assertThat(Register.adminQueueAttributes(256)).isEqualTo(0x00FF00FF);
  }

  @Test
  void doorbells_areWhereTheSpecificationHasThem() {
    assertThat(Register.sqTailDoorbell(0, 4)).isEqualTo(0x1000);
    assertThat(Register.cqHeadDoorbell(0, 4)).isEqualTo(0x1004);
    assertThat(Register.sqTailDoorbell(3, 4)).isEqualTo(0x1018);
    assertThat(Register.cqHeadDoorbell(3, 64)).isEqualTo(0x1000 + 7 * 64);
  }

  @Test
  void versionName_leavesOutAZeroTertiary() {
    assertThat(Register.versionName(0x00010400)).isEqualTo("1.4");
    assertThat(Register.versionName(0x00010201)).isEqualTo("1.2.1");
    assertThat(Register.versionName(0x00020000)).isEqualTo("2.0");
  }

  @Test
  void subsystemReset_isNvmeInAscii() {
    assertThat(Register.NSSR_RESET).isEqualTo('N' << 24 | 'V' << 16 | 'M' << 8 | 'e');
  }
}
