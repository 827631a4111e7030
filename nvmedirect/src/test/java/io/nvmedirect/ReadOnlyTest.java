package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.compat.LibNvmed;
import io.nvmedirect.compat.NVMED;
import io.nvmedirect.compat.NVMED_HANDLE;
import io.nvmedirect.compat.NVMED_QUEUE;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A device that is open for reading only: it is read in every way, and changed in none. */
@Tag("emulator")
class ReadOnlyTest {

  private static final int BYTES = 1 << 20;
  private static final DeviceOptions READ_ONLY = DeviceOptions.defaults().withReadOnly(true);

  @TempDir Path directory;
  private Path image = Path.of("image");
  private byte[] content = new byte[0];

  @BeforeEach
  void makeImage() throws IOException {
    content = TestData.random(7, BYTES);
    image = Files.write(directory.resolve("disk.img"), content);
  }

  private static void assertRefused(String reason, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            NvmeException.class,
            e -> {
              assertThat(Status.codes(e.status())).isEqualTo(Status.NAMESPACE_WRITE_PROTECTED);
              assertThat(e.doNotRetry()).isTrue();
            })
        .hasMessageContaining(reason);
  }

  /** Everything that changes data, on a handle with an option. */
  private static void assertNothingChanges(NvmeHandle handle, String reason) throws IOException {
    try (DmaBuffer buffer = handle.device().allocate(8192);
        Arena arena = Arena.ofShared()) {
      MemorySegment data = buffer.segment().asSlice(0, 4096);
      MemorySegment[] pieces = {arena.allocate(1024), arena.allocate(3072)};
      AsyncIo io = new AsyncIo();
      assertRefused(reason, () -> handle.write(data, 0));
      assertRefused(reason, () -> handle.write(data));
      assertRefused(reason, () -> handle.write(pieces, 0));
      assertRefused(reason, () -> handle.write(io, buffer, 0, 4096, 0));
      assertRefused(reason, () -> handle.write(io, data, 0));
      assertRefused(reason, () -> handle.write(io, pieces, 0));
      assertRefused(reason, () -> handle.enqueueWrite(io, data, 0));
      assertRefused(reason, () -> handle.enqueueWrite(io, pieces, 0));
      assertRefused(reason, () -> handle.writeAsync(data, 0));
      assertRefused(reason, () -> handle.discard(0, 4096));
      assertRefused(reason, () -> handle.writeZeroes(0, 4096));
      assertRefused(reason, () -> handle.writeUncorrectable(0, 4096));
      assertThat(io.isInFlight()).isFalse();
      handle.flush();
    }
  }

  private void assertHasContent(NvmeHandle handle) throws IOException {
    MemorySegment read = Arena.ofAuto().allocate(BYTES);
    handle.read(read, 0);
    assertThat(Arrays.equals(TestData.bytes(read), content)).isTrue();
    assertThat(handle.compare(MemorySegment.ofArray(content), 0)).isTrue();
  }

  @ParameterizedTest
  @EnumSource(names = {"BUFFERED", "WRITE_THROUGH", "WRITE_BEHIND", "FORCE_UNIT_ACCESS"})
  void file_isReadAndNotChanged(HandleOption option) throws IOException {
    Object modified = Files.getLastModifiedTime(image);
    for (String mode : new String[] {"inline", "thread"}) {
      String address = "file:" + image + "?mode=" + mode;
      try (NvmeDevice device = NvmeDevice.open(address, READ_ONLY);
          NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle(option)) {
        assertThat(device.isReadOnly()).isTrue();
        assertNothingChanges(handle, address + " is open for reading only: ");
        assertHasContent(handle);
      }
      try (NvmeDevice device = NvmeDevice.open(address, READ_ONLY)) {
        assertRefused("Format NVM", () -> device.format(4096));
        assertThat(device.blockBytes()).isEqualTo(512);
      }
    }
    assertThat(image).hasBinaryContent(content);
    assertThat(Files.getLastModifiedTime(image)).isEqualTo(modified);
  }

  /** The device itself refuses too, whoever its client is. */
  @ParameterizedTest
  @ValueSource(strings = {"mem:1MiB?readonly=on", "file:"})
  void addressOption_protectsTheNamespace(String kind) throws IOException {
    String address = kind.equals("file:") ? "file:" + image + "?readonly=on" : kind;
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      assertThat(device.isReadOnly()).isTrue();
      assertThat(device.namespace().writeProtected()).isTrue();
      assertNothingChanges(handle, address + " is write protected: ");
    }
    assertThat(image).hasBinaryContent(content);
  }

  @Test
  void writable_isNot() throws IOException {
    try (NvmeDevice device = NvmeDevice.open("file:" + image)) {
      assertThat(device.isReadOnly()).isFalse();
      assertThat(device.namespace().writeProtected()).isFalse();
    }
    assertThat(READ_ONLY.withoutCache().withLazyCache(false).readOnly()).isTrue();
  }

  /** Another one has it, and has locked it. */
  @Test
  void file_isReadWhileAnotherWrites() throws IOException {
    try (NvmeDevice writer = NvmeDevice.open("file:" + image);
        NvmeDevice reader = NvmeDevice.open("file:" + image, READ_ONLY);
        NvmeQueue writing = writer.createQueue();
        NvmeHandle to = writing.createHandle();
        NvmeQueue reading = reader.createQueue();
        NvmeHandle from = reading.createHandle()) {
      assertHasContent(from);
      Arrays.fill(content, 512, 1024, (byte) 9);
      to.write(MemorySegment.ofArray(content).asSlice(512, 512), 512);
      assertHasContent(from);
    }
  }

  @Test
  void missingFile_isNotCreated() {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(() -> NvmeDevice.open("file:" + missing + "?size=1MiB", READ_ONLY))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("there is no file " + missing)
        .hasMessageContaining("for reading only does not create it");
    assertThat(missing).doesNotExist();
    assertThatThrownBy(() -> NvmeDevice.open("file:" + directory, READ_ONLY))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("is a directory");
  }

  @Test
  void served_clientsAreRefusedAtOnce() throws IOException {
    Path socket = directory.resolve("socket");
    ServeOptions options = ServeOptions.defaults().withReadOnly(true);
    try (NvmeDevice writer = NvmeDevice.open("file:" + image);
        NvmeServer server = NvmeServer.open("file:" + image, options)) {
      assertThat(writer.isReadOnly()).isFalse();
      server.listen(socket);
      try (NvmeDevice device = NvmeDevice.open("vfio-user:" + socket);
          NvmeQueue queue = device.createQueue()) {
        // A buffered write that could never be written back would keep the device from being
        // closed.
        for (HandleOption option : List.of(HandleOption.BUFFERED, HandleOption.WRITE_BEHIND)) {
          try (NvmeHandle handle = queue.createHandle(option)) {
            assertNothingChanges(handle, " is write protected: ");
            assertHasContent(handle);
          }
        }
      }
    }
    assertThat(image).hasBinaryContent(content);
  }

  /** A client of a server that takes writes, which asks for reading only. */
  @Test
  void vfioUser_readOnlyOptions_theClientRefuses() throws IOException {
    Path socket = directory.resolve("socket");
    try (NvmeServer server = NvmeServer.open("file:" + image, ServeOptions.defaults())) {
      server.listen(socket);
      try (NvmeDevice device = NvmeDevice.open("vfio-user:" + socket, READ_ONLY)) {
        try (NvmeQueue queue = device.createQueue();
            NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
          assertNothingChanges(handle, " is open for reading only: ");
          assertHasContent(handle);
        }
        assertRefused("Format NVM", () -> device.format(4096));
      }
    }
    assertThat(image).hasBinaryContent(content);
  }

  @Test
  void cApi_readsAndGivesTheReason() {
    NVMED device = Objects.requireNonNull(LibNvmed.nvmed_open("file:" + image + "?readonly=on", 0));
    NVMED_QUEUE queue = Objects.requireNonNull(LibNvmed.nvmed_queue_create(device, 0));
    NVMED_HANDLE handle = Objects.requireNonNull(LibNvmed.nvmed_handle_create(queue, 0));
    MemorySegment data = Objects.requireNonNull(LibNvmed.nvmed_get_buffer(device, 1));
    assertThat(LibNvmed.nvmed_read(handle, data, 4096)).isEqualTo(4096);
    assertThat(LibNvmed.nvmed_write(handle, data, 4096)).isEqualTo(-1);
    assertThat(Objects.requireNonNull(LibNvmed.nvmed_last_error()))
        .hasMessageContaining("is write protected");
    assertThat(LibNvmed.nvmed_discard(handle, 0, 4096)).isEqualTo(-1);
    LibNvmed.nvmed_put_buffer(data);
    assertThat(LibNvmed.nvmed_handle_destroy(handle)).isZero();
    assertThat(LibNvmed.nvmed_queue_destroy(queue)).isZero();
    assertThat(LibNvmed.nvmed_close(device)).isZero();
  }
}
