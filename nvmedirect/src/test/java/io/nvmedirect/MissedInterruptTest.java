package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Waits for interrupts end by interrupts, and one that does not is told of. */
@Tag("emulator")
@Timeout(300)
class MissedInterruptTest {

  private static final int READS = 50;

  @TempDir Path directory;

  private static MemorySegment memory() {
    return MemorySegment.ofArray(new byte[4096]);
  }

  /** The server sends interrupts only if the client has asked for them as the PCI specification says. */
  @Test
  void vfioUser_everyWaitIsEndedByAnInterrupt() throws Exception {
    Path socket = directory.resolve("s");
    try (NvmeServer server = NvmeServer.open("mem:4MiB?model=flash", ServeOptions.defaults())) {
      server.listen(socket);
      try (NvmeDevice device = NvmeDevice.open("vfio-user:" + socket);
          NvmeQueue queue = device.createQueue(QueueOption.INTERRUPT);
          NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT)) {
        for (int i = 0; i < READS; i++) {
          handle.read(memory(), i * 4096L);
        }
        assertThat(queue.completionWait().missedInterrupts()).isZero();
        assertThat(queue.completionWait().warnings()).isZero();
      }
    }
  }

  @Test
  void deafDevice_isToldOfOnceAQueue() throws Exception {
    Emulator emulator = FaultyDevice.emulator("mem:4MiB?mode=thread&model=flash");
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofMillis(800));
    try (NvmeDevice device =
            FaultyDevice.withVectors(
                emulator, 2, index -> emulator.vector(emulator.vectors() - 1), options);
        NvmeQueue first = device.createQueue(QueueOption.INTERRUPT);
        NvmeQueue second = device.createQueue(QueueOption.INTERRUPT)) {
      for (NvmeQueue queue : List.of(first, second)) {
        try (NvmeHandle handle = queue.createHandle(HandleOption.INTERRUPT)) {
          while (queue.completionWait().missedInterrupts() < 3) {
            handle.read(memory(), 0);
          }
        }
      }
      assertThat(first.completionWait().warnings()).isEqualTo(1);
      assertThat(second.completionWait().warnings()).isEqualTo(1);
    }
  }
}
