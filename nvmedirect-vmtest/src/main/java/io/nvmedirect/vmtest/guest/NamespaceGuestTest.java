package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.DeviceOptions;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vmtest.GuestDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** A controller with two namespaces: which one an address means, and that it has one user at a time. */
final class NamespaceGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.TWO_NAMESPACES;
  private static final int MARK_BYTES = 4096;

  @Test
  void eachNamespace_hasItsOwnBlocksAndData() throws IOException {
    for (int id = 1; id <= 2; id++) {
      try (NvmeDevice device = NvmeDevice.open(DEVICE.address() + "/ns" + id);
          NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        GuestDevice.Namespace namespace = DEVICE.namespaces().get(id - 1);
        assertThat(device.namespaceId()).isEqualTo(id);
        assertThat(device.namespaceIds()).containsExactly(1, 2);
        assertThat(device.blockBytes()).isEqualTo(namespace.blockBytes());
        assertThat(device.sizeBytes()).isEqualTo(namespace.sizeBytes());
        MemorySegment mark = MemorySegment.ofArray(new byte[MARK_BYTES]).fill((byte) id);
        handle.write(mark, device.sizeBytes() - MARK_BYTES);
        handle.flush();
      }
    }
    for (int id = 1; id <= 2; id++) {
      DeviceOptions options = DeviceOptions.defaults().withNamespace(id);
      try (NvmeDevice device = NvmeDevice.open(DEVICE.address(), options);
          NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        MemorySegment read = MemorySegment.ofArray(new byte[MARK_BYTES]);
        handle.read(read, device.sizeBytes() - MARK_BYTES);
        assertThat(read.toArray(ValueLayout.JAVA_BYTE)).containsOnly(id);
      }
    }
  }

  @Test
  void withoutANumber_itIsTheFirst() throws IOException {
    try (NvmeDevice device = NvmeDevice.open(DEVICE.address())) {
      assertThat(device.namespaceId()).isEqualTo(1);
    }
  }

  @Test
  void unknownNamespace_namesTheActiveOnes() throws IOException {
    assertThatThrownBy(() -> NvmeDevice.open(DEVICE.address() + "/ns3"))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(DEVICE.address() + "/ns3: there is no namespace 3")
        .hasMessageContaining("[1, 2]");
    Nvmed.Result result = Nvmed.run("info", DEVICE.address() + "/ns7");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("there is no namespace 7; active are [1, 2]");
    // Refusing has closed the controller again.
    try (NvmeDevice device = NvmeDevice.open(DEVICE.address() + "/ns2")) {
      assertThat(device.namespaceId()).isEqualTo(2);
    }
  }

  @Test
  void twoDevicesOnOneFunction_areRefused() throws IOException {
    try (NvmeDevice first = NvmeDevice.open(DEVICE.address() + "/ns1")) {
      assertThatThrownBy(() -> NvmeDevice.open(DEVICE.address() + "/ns2"))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining(DEVICE.pciAddress())
          .hasMessageContaining("in use");
      assertThat(first.smart().criticalWarning()).isZero();
    }
  }

  @Test
  void anotherProcess_isRefused_andToldWhoHasIt() throws Exception {
    try (NvmeDevice first = NvmeDevice.open(DEVICE.address())) {
      ChildJvm.Result other = ChildJvm.run(Other.class, DEVICE.address() + "/ns2");
      assertThat(other.status()).as(other.output()).isEqualTo(1);
      assertThat(other.output())
          .contains("cannot open " + DEVICE.address(), "in use")
          .contains("(pid " + ProcessHandle.current().pid() + ")");
      assertThat(first.smart().criticalWarning()).isZero();
    }
  }

  /** The other process: opens a device, and ends. */
  static final class Other {

    private Other() {}

    public static void main(String[] arguments) throws IOException {
      NvmeDevice.open(arguments[0]).close();
    }
  }
}
