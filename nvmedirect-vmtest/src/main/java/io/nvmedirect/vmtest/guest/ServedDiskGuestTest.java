package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.serve.NvmeServer;
import io.nvmedirect.serve.ServeOptions;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk that two clients share by a server: each sees what the other has written, and so does the kernel. */
@Timeout(300)
final class ServedDiskGuestTest {

  private static final GuestDevice DISK = GuestDevice.SHARED_A;

  /** What each client writes, in steps of several commands; the second client's is behind the first's. */
  private static final int RANGE_BYTES = 1 << 20;

  private static final int STEP_BYTES = 1 << 18;

  @TempDir Path directory;

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DISK, DISK.driver());
  }

  private static byte[] random(int client) {
    byte[] bytes = new byte[RANGE_BYTES];
    new Random(client).nextBytes(bytes);
    return bytes;
  }

  private static void write(NvmeHandle handle, int client) throws IOException {
    MemorySegment data = MemorySegment.ofArray(random(client));
    for (int at = 0; at < RANGE_BYTES; at += STEP_BYTES) {
      handle.write(data.asSlice(at, STEP_BYTES), (long) client * RANGE_BYTES + at);
    }
    handle.flush();
  }

  private static byte[] read(NvmeHandle handle, int client) throws IOException {
    MemorySegment data = MemorySegment.ofArray(new byte[RANGE_BYTES]);
    handle.read(data, (long) client * RANGE_BYTES);
    return data.toArray(ValueLayout.JAVA_BYTE);
  }

  @Test
  void twoClients_shareTheDisk_andTheKernelReadsWhatTheyWrote() throws Exception {
    PciDriver.bind(DISK, GuestDevice.Driver.VFIO);
    List<Path> sockets = List.of(directory.resolve("a"), directory.resolve("b"));
    try (NvmeServer server = NvmeServer.open(DISK.address(), ServeOptions.defaults())) {
      for (Path socket : sockets) {
        server.listen(socket);
      }
      try (NvmeDevice a = NvmeDevice.open("vfio-user:" + sockets.get(0));
          NvmeDevice b = NvmeDevice.open("vfio-user:" + sockets.get(1));
          NvmeQueue ofA = a.createQueue();
          NvmeQueue ofB = b.createQueue();
          NvmeHandle handleA = ofA.createHandle();
          NvmeHandle handleB = ofB.createHandle()) {
        assertThat(a.sizeBytes()).isEqualTo(DISK.namespaces().getFirst().sizeBytes());
        writeAtOnce(handleA, handleB);
        assertThat(read(handleA, 1)).isEqualTo(random(1));
        assertThat(read(handleB, 0)).isEqualTo(random(0));
      }
    }
    assertThat(sockets).allSatisfy(socket -> assertThat(socket).doesNotExist());
    try (NvmeDevice disk = NvmeDevice.open(DISK.address());
        NvmeQueue queue = disk.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertThat(read(handle, 0)).isEqualTo(random(0));
      assertThat(read(handle, 1)).isEqualTo(random(1));
    }
    assertKernelReads();
  }

  private static void writeAtOnce(NvmeHandle a, NvmeHandle b) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Callable<Boolean>> writers = List.of(() -> writes(a, 0), () -> writes(b, 1));
      for (Future<Boolean> writer : threads.invokeAll(writers)) {
        assertThat(writer.get()).isTrue();
      }
    }
  }

  private static boolean writes(NvmeHandle handle, int client) throws IOException {
    write(handle, client);
    return true;
  }

  private static void assertKernelReads() throws IOException {
    PciDriver.bind(DISK, GuestDevice.Driver.NVME);
    ByteBuffer data = ByteBuffer.allocate(2 * RANGE_BYTES);
    try (FileChannel disk = FileChannel.open(PciDriver.disk(DISK, 1), StandardOpenOption.READ)) {
      while (data.hasRemaining()) {
        assertThat(disk.read(data, data.position())).isPositive();
      }
    }
    assertThat(Arrays.copyOfRange(data.array(), 0, RANGE_BYTES)).isEqualTo(random(0));
    assertThat(Arrays.copyOfRange(data.array(), RANGE_BYTES, 2 * RANGE_BYTES)).isEqualTo(random(1));
  }
}
