package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.cli.bench.JobOptions;
import io.nvmedirect.cli.bench.Run;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a block that cannot be read. */
@Timeout(300)
final class DeviceErrorTest {

  private static final long BAD = 5 << 20;

  private NvmeDevice device;

  @BeforeEach
  void damageBlock() throws IOException {
    device = NvmeDevice.open("mem:8MiB?lba=512");
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      handle.writeUncorrectable(BAD, 512);
    }
  }

  @AfterEach
  void close() throws IOException {
    device.close();
  }

  @Test
  void bench_endsWithTheStatus() {
    JobOptions options = new JobOptions();
    options.set("filename", "mem:8MiB?lba=512");
    options.set("rw", "read");
    options.set("iodepth", "4");
    options.set("numjobs", "2");
    options.set("time_based", "1");
    options.set("runtime", "1m");
    Run run =
        new Run(
            (address, writes) -> device,
            () -> false,
            (names, elapsedNs, totalNs, operations, measuredNs) -> {});
    assertThatExceptionOfType(NvmeException.class)
        .isThrownBy(() -> run.run(List.of(options.build())))
        .withMessageContaining("Unrecovered Read Error")
        .withMessageContaining(String.valueOf(BAD));
  }

  @Test
  void input_failsWhereTheBlockIs() throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(100_000);
    try (DeviceInput input = new DeviceInput(device, 1, device.sizeBytes() - 1)) {
      assertThatExceptionOfType(NvmeException.class)
          .isThrownBy(() -> {
            while (input.read(buffer.clear()) >= 0) {
              // to the bad block
            }
          })
          .withMessageContaining("Unrecovered Read Error");
    }
    try (DeviceInput input = new DeviceInput(device, BAD + 512, 1000)) {
      assertThat(input.read(buffer.clear())).isEqualTo(1000);
      assertThat(input.read(buffer.clear())).isEqualTo(-1);
    }
  }

  @Test
  void output_cannotKeepTheRestOfTheBlock() throws IOException {
    try (DeviceOutput output = new DeviceOutput(device, BAD + 1)) {
      assertThatExceptionOfType(NvmeException.class)
          .isThrownBy(() -> output.write(ByteBuffer.allocate(10)))
          .withMessageContaining("Unrecovered Read Error");
    }
  }
}
