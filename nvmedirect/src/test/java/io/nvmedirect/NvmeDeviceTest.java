package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Feature;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.SmartLog;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@DeviceAddresses("mem:1MiB")
class NvmeDeviceTest {

  /** Format writes all of a device on some controllers, and takes as long as that does. */
  private static final long MOST_FORMATTED_BYTES = 256 << 20;

  private final String address;

  NvmeDeviceTest(String address) {
    this.address = address;
  }

  @Test
  @Tag("emulator")
  void open_ofTheEmulator_tellsWhatItIs() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:64MiB?lba=4096&ns=2&mdts=128KiB")) {
      assertThat(device.address()).isEqualTo("mem:64MiB?lba=4096&ns=2&mdts=128KiB");
      assertThat(device.blockBytes()).isEqualTo(4096);
      assertThat(device.sizeBytes()).isEqualTo(32 << 20);
      assertThat(device.maxTransferBytes()).isEqualTo(128 * 1024);
      assertThat(device.namespaceIds()).containsExactly(1, 2);
      assertThat(device.namespaceId()).isEqualTo(1);
      assertThat(Register.versionName(device.version())).isEqualTo("1.4");
      assertThat(device.controller().modelNumber()).isNotBlank();
      assertThat(device.controller().serialNumber()).isNotBlank();
      assertThat(device.controller().subsystemNqn()).startsWith("nqn.");
      assertThat(device.namespace().format().dataBytes()).isEqualTo(4096);
      assertThat(device.maxQueues()).isEqualTo(64);
      assertThat(device.maxQueueDepth()).isEqualTo(4095);
      assertThat(device.errorLog()).isEmpty();
      assertThat(device.descriptors().uuid() != null || device.descriptors().nguid() != null)
          .isTrue();
    }
  }

  @Test
  void feature_tellsWhatTheControllerDoes() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      int queues = Feature.queuesAllocated(device.feature(Feature.NUMBER_OF_QUEUES));
      assertThat(device.maxQueues()).isEqualTo(Math.min(64, queues));
      assertThat(device.feature(Feature.TEMPERATURE_THRESHOLD) & 0xffff)
          .isGreaterThan(device.smart().temperatureKelvin());
      // Of the namespace.
      assertThat(device.feature(Feature.ERROR_RECOVERY)).isNotNegative();
    }
  }

  /** The controller would write to memory that nobody has given it. */
  @Test
  void feature_thatIsNoValue_isNamed() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      for (int feature : new int[] {0, 0x03, 0x0e, 0x80, 256, -1}) {
        assertThatThrownBy(() -> device.feature(feature))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("feature 0x%02x".formatted(feature));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "mem:",
        "mem:12",
        "mem:1GiB?lba=513",
        "mem:1GiB?color=red",
        "disk:/x",
        "file:",
        "file:/no/such/directory/x",
        "mem:1MiB?ns=0",
        "mem:-1",
        "mem:1GiB?lba"
      })
  @Tag("emulator")
  void open_ofABadAddress_namesIt(String bad) {
    assertThatThrownBy(() -> NvmeDevice.open(bad))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(bad);
  }

  @Test
  @Tag("emulator")
  void open_ofAnotherNamespace_isThatOne() throws IOException {
    DeviceOptions second = DeviceOptions.defaults().withNamespace(2);
    try (NvmeDevice device = NvmeDevice.open("mem:2MiB?ns=2", second)) {
      assertThat(device.namespaceId()).isEqualTo(2);
    }
    assertThatThrownBy(() -> NvmeDevice.open("mem:1MiB", second))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("no namespace 2");
  }

  @Test
  void open_tellsWhatTheDeviceIs() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      assertThat(device.address()).isEqualTo(address);
      assertThat(device.blockBytes()).isEqualTo(device.namespace().format().dataBytes());
      assertThat(device.sizeBytes()).isPositive();
      assertThat(device.sizeBytes() % device.blockBytes()).isZero();
      assertThat(device.maxTransferBytes()).isGreaterThanOrEqualTo(4096);
      assertThat(device.maxTransferBytes() % device.blockBytes()).isZero();
      assertThat(device.namespaceIds()).contains(device.namespaceId());
      assertThat(Register.versionName(device.version())).startsWith("1.");
      assertThat(device.controller().modelNumber()).isNotBlank();
      assertThat(device.controller().serialNumber()).isNotBlank();
      assertThat(device.maxQueues()).isPositive();
      assertThat(device.maxQueueDepth()).isPositive();
    }
  }

  @Test
  void namespaces_keepTheirData(@TempDir Path directory) throws IOException {
    // The options name the namespace here, not the address.
    String kept = DeviceTraits.persistent(address, directory, "ns=2").replaceFirst("/ns\\d+$", "");
    List<Integer> ids;
    try (NvmeDevice device = NvmeDevice.open(kept)) {
      ids = device.namespaceIds();
    }
    assumeTrue(ids.size() > 1, () -> kept + " has one namespace");
    for (int nsid : ids) {
      onNamespace(
          kept,
          nsid,
          handle -> handle.write(MemorySegment.ofArray(TestData.random(nsid, 4096)), 0));
    }
    for (int nsid : ids) {
      MemorySegment read = MemorySegment.ofArray(new byte[4096]);
      onNamespace(kept, nsid, handle -> handle.read(read, 0));
      assertThat(TestData.bytes(read)).isEqualTo(TestData.random(nsid, 4096));
    }
  }

  @FunctionalInterface
  private interface Io {
    void on(NvmeHandle handle) throws IOException;
  }

  private static void onNamespace(String address, int nsid, Io io) throws IOException {
    DeviceOptions options = DeviceOptions.defaults().withNamespace(nsid);
    try (NvmeDevice device = NvmeDevice.open(address, options);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      io.on(handle);
      handle.flush();
    }
  }

  @Test
  void options_outOfRange_areRefused() {
    assertThatThrownBy(() -> DeviceOptions.defaults().withNamespace(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("namespace=-1");
    assertThatThrownBy(() -> DeviceOptions.defaults().withCommandTimeout(Duration.ofMillis(1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("PT0.001S");
  }

  @Test
  void smart_countsWhatWasDone() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      SmartLog before = device.smart();
      handle.write(buffer.segment(), 0);
      handle.read(buffer.segment(), 0);
      handle.read(buffer.segment(), 4096);
      SmartLog after = device.smart();
      assertThat(after.hostWriteCommands().subtract(before.hostWriteCommands())).isEqualTo(1);
      assertThat(after.hostReadCommands().subtract(before.hostReadCommands())).isEqualTo(2);
      assertThat(after.temperatureKelvin()).isBetween(273, 373);
    }
  }

  @Test
  void failedCommand_isInTheErrorLog() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      DeviceTraits.assumeWriteUncorrectable(device);
      int block = device.blockBytes();
      MemorySegment memory = buffer.segment().asSlice(0, block);
      handle.writeUncorrectable(2L * block, block);
      assertThatThrownBy(() -> handle.read(memory, 2L * block)).isInstanceOf(NvmeException.class);
      handle.write(memory, 2L * block);
      assertThat(device.errorLog()).isNotEmpty();
      assertThat(device.errorLog().getFirst().submissionQueueId()).isEqualTo(queue.id());
      assertThat(device.errorLog().getFirst().lba()).isEqualTo(2);
    }
  }

  @Test
  void format_changesTheBlockSizeAndErases() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      DeviceTraits.assumeSupport(device, device.controller().supportsFormat(), "Format NVM");
      assumeTrue(
          device.sizeBytes() <= MOST_FORMATTED_BYTES,
          () -> address + " is too large to be formatted in a test");
      int before = device.blockBytes();
      int other = before == 512 ? 4096 : 512;
      assumeTrue(
          device.namespace().formats().stream()
              .anyMatch(format -> format.dataBytes() == other && format.metadataBytes() == 0),
          () -> address + " has no format of blocks of " + other + " bytes");
      long size = device.sizeBytes();
      try {
        assertFormatErases(device, other);
      } finally {
        // Left as it was found, for the tests after this one.
        device.format(before);
      }
      assertThat(device.blockBytes()).isEqualTo(before);
      assertThat(device.sizeBytes()).isEqualTo(size);
    }
  }

  private static void assertFormatErases(NvmeDevice device, int other) throws IOException {
    byte[] data = TestData.random(7, 4096);
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      handle.write(MemorySegment.ofArray(data), 0);
      assertThatThrownBy(() -> device.format(other))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("queues are open");
    }
    assertThatThrownBy(() -> device.format(1000))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1000");
    long size = device.sizeBytes();
    device.format(other);
    assertThat(device.blockBytes()).isEqualTo(other);
    assertThat(device.sizeBytes()).isBetween(size - size / 16, size);
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      MemorySegment read = MemorySegment.ofArray(new byte[4096]).fill((byte) 1);
      handle.read(read, 0);
      assertThat(TestData.bytes(read)).containsOnly(0);
      assertThatThrownBy(() -> handle.read(read.asSlice(0, other / 2), 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(String.valueOf(other));
    }
  }

  @Test
  void createQueue_beyondTheLimit_saysSo() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      List<NvmeQueue> queues = new ArrayList<>();
      while (queues.size() < device.maxQueues()) {
        queues.add(device.createQueue(2));
      }
      assertThatThrownBy(device::createQueue)
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("no queue is left")
          .hasMessageContaining(String.valueOf(device.maxQueues()));
      queues.removeFirst().close();
      queues.add(device.createQueue(2));
      for (NvmeQueue queue : queues) {
        queue.close();
      }
    }
  }

  @Test
  @Tag("emulator")
  void resizeCache_whileTheOnlyQueueIsOpen_writesWhatMustGo() throws IOException {
    byte[] data = TestData.random(1, 64 * 4096);
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB?queues=1");
        NvmeQueue queue = device.createQueue();
        NvmeHandle buffered = queue.createHandle(HandleOption.BUFFERED)) {
      buffered.write(MemorySegment.ofArray(data), 0);
      assertThat(device.resizeCache(1)).isEqualTo(1);
      MemorySegment read = MemorySegment.ofArray(new byte[data.length]);
      buffered.read(read, 0);
      assertThat(TestData.bytes(read)).isEqualTo(data);
    }
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB?queues=1");
        NvmeQueue queue = device.createQueue(QueueOption.CONFINED)) {
      assertThat(queue.depth()).isPositive();
      assertThatThrownBy(() -> device.resizeCache(1))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("no queue is left");
    }
  }

  @Test
  void createQueue_ofABadDepth_namesIt() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      assertThatThrownBy(() -> device.createQueue(0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("depth=0");
      assertThatThrownBy(() -> device.createQueue(device.maxQueueDepth() + 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(String.valueOf(device.maxQueueDepth()));
    }
  }

  @Test
  void close_fromTheOutside_isRefused() throws IOException {
    NvmeDevice device = NvmeDevice.open(address);
    NvmeQueue queue = device.createQueue();
    NvmeHandle handle = queue.createHandle();
    assertThatThrownBy(device::close).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(queue::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("open handles");
    handle.flush();
    handle.close();
    handle.close();
    queue.close();
    queue.close();
    device.close();
    device.close();
  }

  @Test
  void use_afterClose_isAnException() throws IOException {
    NvmeDevice device = NvmeDevice.open(address);
    NvmeQueue queue = device.createQueue();
    NvmeHandle handle = queue.createHandle();
    MemorySegment memory = MemorySegment.ofArray(new byte[4096]);
    handle.close();
    assertThatThrownBy(() -> handle.read(memory, 0)).isInstanceOf(IllegalStateException.class);
    queue.close();
    assertThatThrownBy(queue::poll).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(queue::createHandle).isInstanceOf(IllegalStateException.class);
    device.close();
    assertThatThrownBy(device::createQueue).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> device.allocate(1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(device::smart).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void buffer_outlivesTheDevice() throws IOException {
    DmaBuffer buffer;
    try (NvmeDevice device = NvmeDevice.open(address)) {
      buffer = device.allocate(4096);
    }
    buffer.segment().fill((byte) 1);
    buffer.close();
  }

  @Test
  void unsupportedCommand_names() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address)) {
      assertThatThrownBy(() -> device.require(false, Opcode.COMPARE))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("does not support Compare");
    }
  }
}
