package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Register;
import io.nvmedirect.spec.SmartLog;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NvmeDeviceTest {

  @Test
  void open_tellsWhatTheDeviceIs() throws IOException {
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
  void open_ofABadAddress_namesIt(String address) {
    assertThatThrownBy(() -> NvmeDevice.open(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(address);
  }

  @Test
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
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
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
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(512)) {
      handle.writeUncorrectable(1024, 512);
      assertThatThrownBy(() -> handle.read(buffer.segment().asSlice(0, 512), 1024))
          .isInstanceOf(NvmeException.class);
      assertThat(device.errorLog()).isNotEmpty();
      assertThat(device.errorLog().getFirst().submissionQueueId()).isEqualTo(queue.id());
      assertThat(device.errorLog().getFirst().lba()).isEqualTo(2);
    }
  }

  @Test
  void format_changesTheBlockSizeAndErases() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB");
        DmaBuffer buffer = device.allocate(4096)) {
      buffer.segment().fill((byte) 7);
      try (NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        handle.write(buffer.segment(), 0);
        assertThatThrownBy(() -> device.format(4096))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("queues are open");
      }
      assertThatThrownBy(() -> device.format(1024))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("1024");
      device.format(4096);
      assertThat(device.blockBytes()).isEqualTo(4096);
      assertThat(device.sizeBytes()).isEqualTo(1 << 20);
      try (NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        handle.read(buffer.segment(), 0);
        assertThat(TestData.bytes(buffer.segment())).containsOnly(0);
        assertThatThrownBy(() -> handle.read(buffer.segment().asSlice(0, 512), 0))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("4096");
      }
    }
  }

  @Test
  void createQueue_beyondTheLimit_saysSo() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB")) {
      List<NvmeQueue> queues = new ArrayList<>();
      while (queues.size() < device.maxQueues()) {
        queues.add(device.createQueue(2));
      }
      assertThatThrownBy(device::createQueue)
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("no queue is left")
          .hasMessageContaining("64");
      queues.removeFirst().close();
      queues.add(device.createQueue(2));
      for (NvmeQueue queue : queues) {
        queue.close();
      }
    }
  }

  @Test
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
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB")) {
      assertThatThrownBy(() -> device.createQueue(0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("depth=0");
      assertThatThrownBy(() -> device.createQueue(4096))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("4095");
    }
  }

  @Test
  void close_fromTheOutside_isRefused() throws IOException {
    NvmeDevice device = NvmeDevice.open("mem:1MiB");
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
    NvmeDevice device = NvmeDevice.open("mem:1MiB");
    NvmeQueue queue = device.createQueue();
    NvmeHandle handle = queue.createHandle();
    MemorySegment memory = MemorySegment.ofArray(new byte[512]);
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
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB")) {
      buffer = device.allocate(4096);
    }
    buffer.segment().fill((byte) 1);
    buffer.close();
  }

  @Test
  void unsupportedCommand_names() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("mem:1MiB")) {
      assertThatThrownBy(() -> device.require(false, Opcode.COMPARE))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("does not support Compare");
    }
  }
}
