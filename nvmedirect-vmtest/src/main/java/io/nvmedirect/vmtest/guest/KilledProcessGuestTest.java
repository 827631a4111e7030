package io.nvmedirect.vmtest.guest;

import io.nvmedirect.vmtest.GuestDevice;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Timeout;

/** A process that is killed in the midst of I/O leaves a device that works, with what it had flushed. */
@Timeout(300)
final class KilledProcessGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.PLAIN;

  @RepeatedTest(2)
  void kill9WithIoInFlight_openAgain_flushedDataIsIntact(RepetitionInfo repetition)
      throws Exception {
    long seed = repetition.getCurrentRepetition();
    KilledWriter.runAndKill(DEVICE.address(), seed);
    KilledWriter.verify(DEVICE.address(), seed);
  }
}
