package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.vmtest.GuestDevice;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process that is killed in the midst of I/O leaves a device that works, with what it had flushed. */
@Timeout(300)
final class KilledProcessGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.PLAIN;

  /** Two seconds' work, which QEMU may bring to an end when the device is reset. */
  private static final int SLOW_DEPTH = 8;

  @RepeatedTest(2)
  void kill9WithIoInFlight_openAgain_flushedDataIsIntact(RepetitionInfo repetition)
      throws Exception {
    long seed = repetition.getCurrentRepetition();
    KilledWriter.runAndKill(DEVICE.address(), seed);
    KilledWriter.verify(DEVICE.address(), seed);
  }

  /**
   * So slow that the device certainly has commands when the process ends. Had the kernel taken the memory away
   * before it stopped the device, the IOMMU would have reported that.
   */
  @Test
  void kill9OfSlowDevice_reachesNoMemoryAfterwards() throws Exception {
    GuestDevice slow = GuestDevice.SLOW;
    KilledWriter.runAndKill(slow.address(), 3, KilledWriter.CHUNK_BYTES, SLOW_DEPTH);
    KilledWriter.verify(slow.address(), 3, KilledWriter.CHUNK_BYTES);
    // "DMAR: [DMA Write NO_PASID] Request device [00:1c.0] fault addr 0x..."
    String device = "[" + slow.pciAddress().replaceFirst("^0000:", "") + "]";
    assertThat(Commands.run("dmesg").lines())
        .filteredOn(line -> line.contains("fault addr"))
        .noneMatch(line -> line.contains(device));
  }
}
