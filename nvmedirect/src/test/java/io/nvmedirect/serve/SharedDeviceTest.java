package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients of a server in the same process: what they share, and what each of them may do. */
@Timeout(300)
class SharedDeviceTest {

  private static final int BYTES = 4096;

  @TempDir Path directory;

  private String listen(NvmeServer server, String name) throws IOException {
    Path socket = directory.resolve(name);
    server.listen(socket);
    return "vfio-user:" + socket;
  }

  private static NvmeServer serve(String device) throws IOException {
    return NvmeServer.open(device, ServeOptions.defaults());
  }

  private static void write(NvmeHandle handle, int value, long position) throws IOException {
    handle.write(MemorySegment.ofArray(new byte[BYTES]).fill((byte) value), position);
  }

  private static byte[] read(NvmeHandle handle, long position) throws IOException {
    byte[] data = new byte[BYTES];
    handle.read(MemorySegment.ofArray(data), position);
    return data;
  }

  @Test
  void twoSockets_shareTheData_eachWithAControllerOfItsOwn() throws IOException {
    try (NvmeServer server = serve("mem:16MiB");
        NvmeDevice one = NvmeDevice.open(listen(server, "one"));
        NvmeQueue oneQueue = one.createQueue();
        NvmeHandle oneHandle = oneQueue.createHandle()) {
      try (NvmeDevice two = NvmeDevice.open(listen(server, "two"));
          NvmeQueue twoQueue = two.createQueue();
          NvmeHandle twoHandle = twoQueue.createHandle()) {
        assertThat(twoQueue.id()).as("queues are numbered by client").isEqualTo(oneQueue.id());
        write(oneHandle, 1, 0);
        write(twoHandle, 2, BYTES);
        assertThat(read(twoHandle, 0)).containsOnly(1);
        assertThat(read(oneHandle, BYTES)).containsOnly(2);
      }
      assertThat(read(oneHandle, BYTES)).as("the other client has left").containsOnly(2);
    }
  }

  /** Who has it open would transfer eight times of what its memory has room for. */
  @ParameterizedTest
  @ValueSource(strings = {"mem:16MiB", "mem:16MiB?ns=2", "mem:16MiB?model=flash"})
  void format_isRefusedWhileAnotherHasItOpen(String device) throws IOException {
    try (NvmeServer server = serve(device)) {
      String first = listen(server, "one");
      String second = listen(server, "two");
      try (NvmeDevice one = NvmeDevice.open(first);
          NvmeDevice two = NvmeDevice.open(second);
          NvmeQueue queue = two.createQueue();
          NvmeHandle handle = queue.createHandle();
          DmaBuffer buffer = two.allocate(BYTES)) {
        MemorySegment memory = buffer.segment();
        handle.write(memory.asSlice(0, 512).fill((byte) 0x11), 5 * 512);
        assertThatThrownBy(() -> one.format(4096))
            .isInstanceOf(NvmeException.class)
            .hasMessageContaining(first)
            .hasMessageContaining("other hosts have it open")
            .hasMessageContaining("close it there first")
            .extracting(e -> Status.codes(((NvmeException) e).status()))
            .isEqualTo(Status.RESERVATION_CONFLICT);
        assertThat(two.namespace().format().dataBytes()).isEqualTo(512);
        memory.fill((byte) 0x22);
        handle.read(memory.asSlice(0, 512), 5 * 512);
        assertThat(memory.asSlice(0, 512).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x11);
        assertThat(memory.asSlice(512).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0x22);
      }
      try (NvmeDevice one = NvmeDevice.open(first)) {
        one.format(4096);
        try (NvmeDevice two = NvmeDevice.open(second);
            NvmeQueue queue = two.createQueue();
            NvmeHandle handle = queue.createHandle()) {
          assertThat(two.blockBytes()).isEqualTo(4096);
          write(handle, 7, BYTES);
          assertThat(read(handle, BYTES)).containsOnly(7);
        }
      }
    }
  }

  /** Its controller does not see it, and so cannot have it open. */
  @Test
  void format_isNotRefusedForWhoSeesOtherNamespaces() throws IOException {
    try (NvmeServer server = serve("mem:16MiB?ns=2");
        NvmeDevice all = NvmeDevice.open(listen(server, "all") + "?ns=2")) {
      assertThatThrownBy(
              () -> {
                try (NvmeDevice other = NvmeDevice.open(listen(server, "other") + "?ns=1")) {
                  other.format(4096);
                }
              })
          .as("a controller that sees both")
          .isInstanceOf(NvmeException.class);
      all.format(4096);
      assertThat(all.blockBytes()).isEqualTo(4096);
    }
  }

  @Test
  void queues_areAsManyAsAllowed() throws IOException {
    try (NvmeServer server = NvmeServer.open("mem:16MiB", ServeOptions.defaults().withQueues(3));
        NvmeDevice device = NvmeDevice.open(listen(server, "socket"))) {
      assertThat(device.maxQueues()).isEqualTo(3);
      List<NvmeQueue> queues = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        queues.add(device.createQueue());
      }
      assertThatThrownBy(device::createQueue).isInstanceOf(NvmeException.class);
      for (NvmeQueue queue : queues) {
        queue.close();
      }
      device.createQueue().close();
    }
  }

  @Test
  void namespace_isTheOnlyOne() throws IOException {
    try (NvmeServer server = serve("mem:12MiB?ns=3")) {
      String all = listen(server, "all");
      String other = listen(server, "other");
      ServeOptions second = ServeOptions.defaults().withNamespace(2);
      try (NvmeServer limited = NvmeServer.open(all, second);
          NvmeDevice client = NvmeDevice.open(listen(limited, "limited"));
          NvmeDevice witness = NvmeDevice.open(other + "?ns=2")) {
        assertThat(client.namespaceIds()).containsExactly(1);
        assertThat(client.namespaceId()).isEqualTo(1);
        assertThat(client.sizeBytes()).isEqualTo(4 << 20);
        assertThatThrownBy(() -> client.identifyNamespace(2)).isInstanceOf(NvmeException.class);
        assertSame(client, witness);
      }
    }
  }

  /** The same, where the limit is that of an embedded controller. */
  @Test
  void namespace_ofMemory_isTheOnlyOne() throws IOException {
    ServeOptions third = ServeOptions.defaults().withNamespace(3);
    try (NvmeServer server = NvmeServer.open("mem:12MiB?ns=3", third);
        NvmeDevice one = NvmeDevice.open(listen(server, "one"));
        NvmeDevice two = NvmeDevice.open(listen(server, "two"))) {
      assertThat(one.namespaceIds()).containsExactly(1);
      assertThat(one.sizeBytes()).isEqualTo(4 << 20);
      assertSame(one, two);
    }
  }

  private static void assertSame(NvmeDevice writer, NvmeDevice reader) throws IOException {
    long last = writer.sizeBytes() - BYTES;
    try (NvmeQueue writing = writer.createQueue();
        NvmeHandle to = writing.createHandle();
        NvmeQueue reading = reader.createQueue();
        NvmeHandle from = reading.createHandle()) {
      write(to, 7, 0);
      write(to, 8, last);
      assertThat(read(from, 0)).containsOnly(7);
      assertThat(read(from, last)).containsOnly(8);
    }
  }

  @Test
  void namespaceOfTheAddress_thatIsNotThere_isRefused() throws IOException {
    try (NvmeServer server = serve("mem:8MiB?ns=2")) {
      String address = listen(server, "socket");
      assertThatThrownBy(() -> serve(address + "?ns=3"))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining(address)
          .hasMessageContaining("namespace 3");
      try (NvmeDevice device = NvmeDevice.open(address)) {
        assertThat(device.namespaceIds()).as("and it was let go").containsExactly(1, 2);
      }
    }
  }

  private static void assertProtected(ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            NvmeException.class,
            e -> assertThat(Status.codes(e.status())).isEqualTo(Status.NAMESPACE_WRITE_PROTECTED));
  }

  @Test
  void readOnly_failsWhatChangesData() throws IOException {
    try (NvmeServer server = serve("mem:4MiB")) {
      String disk = listen(server, "disk");
      try (NvmeDevice writer = NvmeDevice.open(listen(server, "writer"));
          NvmeQueue writing = writer.createQueue();
          NvmeHandle to = writing.createHandle();
          NvmeServer limited = NvmeServer.open(disk, ServeOptions.defaults().withReadOnly(true));
          NvmeDevice reader = NvmeDevice.open(listen(limited, "reader"))) {
        write(to, 5, 0);
        try (NvmeQueue queue = reader.createQueue();
            NvmeHandle handle = queue.createHandle()) {
          assertProtected(() -> write(handle, 6, 0));
          assertProtected(() -> handle.discard(0, BYTES));
          assertProtected(() -> handle.writeZeroes(0, BYTES));
          handle.flush();
          assertThat(read(handle, 0)).containsOnly(5);
        }
      }
    }
  }

  @Test
  void readOnly_memory_isNotFormatted() throws IOException {
    try (NvmeServer server =
            NvmeServer.open("mem:4MiB", ServeOptions.defaults().withReadOnly(true));
        NvmeDevice device = NvmeDevice.open(listen(server, "socket"))) {
      assertProtected(() -> device.format(4096));
      assertThat(device.namespace().format().dataBytes()).isEqualTo(512);
      try (NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        assertProtected(() -> write(handle, 6, 0));
        assertProtected(() -> handle.writeUncorrectable(0, BYTES));
        assertThat(read(handle, 0)).containsOnly(0);
      }
    }
  }

  @Test
  void serverClosed_clientsFail() throws IOException {
    NvmeServer server = serve("mem:4MiB");
    NvmeDevice device = NvmeDevice.open(listen(server, "socket"));
    NvmeQueue queue = device.createQueue();
    NvmeHandle handle = queue.createHandle();
    write(handle, 1, 0);
    server.close();
    assertThatThrownBy(() -> write(handle, 2, 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(device.address());
    assertThatThrownBy(device::createQueue).isInstanceOf(IOException.class);
    handle.close();
    queue.close();
    device.close();
    assertThat(device.isClosed()).isTrue();
  }
}
