package io.nvmedirect.vmtest.processes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.QueueOption;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.guest.KilledWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Either side is killed in the midst of I/O, again and again: the other one goes on, and data is kept. */
@Timeout(600)
final class KilledProcessTest {

  private static final int ROUNDS = 25;
  private static final int DEPTH = 32;
  private static final int BLOCK_BYTES = 4096;

  @TempDir private Path directory;

  private String device() {
    return "file:%s?size=64MiB".formatted(directory.resolve("image"));
  }

  @Test
  void killedClients_leaveTheDataAndTheSocket() throws Exception {
    try (ServerProcess server = ServerProcess.start(directory.resolve("sock"), device())) {
      KilledWriter.runAndKill(server.address(), 0);
      KilledWriter.verify(server.address(), 0);
      long descriptors = server.descriptors();
      for (int round = 1; round <= ROUNDS; round++) {
        KilledWriter.runAndKill(server.address(), round);
        KilledWriter.verify(server.address(), round);
      }
      assertThat(server.descriptors()).isLessThanOrEqualTo(descriptors);
      assertThat(server.isAlive()).isTrue();
    }
  }

  @Test
  void killedServers_endEveryOperationOfTheClient() throws Exception {
    Path socket = directory.resolve("sock");
    for (int round = 0; round < ROUNDS; round++) {
      ServerProcess server = ServerProcess.start(socket, device());
      try (NvmeDevice device = NvmeDevice.open(server.address())) {
        boolean interrupt = round % 2 == 0;
        loseServer(server, device, interrupt);
      } catch (IOException e) {
        // Closing a device whose server is gone may say so.
        assertThat(e).hasMessageContaining(server.address());
      } finally {
        server.kill();
      }
    }
    // What is left is a file that the next server can use, at the socket of the one that was
    // killed.
    try (ServerProcess server = ServerProcess.start(socket, device());
        NvmeDevice device = NvmeDevice.open(server.address())) {
      assertThat(device.sizeBytes()).isEqualTo(64 << 20);
    }
  }

  /** Kills the server with operations in flight, all of which end, and checks that later ones are refused. */
  private static void loseServer(ServerProcess server, NvmeDevice device, boolean interrupt)
      throws IOException {
    NvmeQueue queue =
        interrupt ? device.createQueue(DEPTH, QueueOption.INTERRUPT) : device.createQueue(DEPTH);
    NvmeHandle handle = queue.createHandle();
    AsyncIo[] operations = new AsyncIo[DEPTH];
    DmaBuffer[] buffers = new DmaBuffer[DEPTH];
    for (int i = 0; i < DEPTH; i++) {
      operations[i] = new AsyncIo();
      buffers[i] = device.allocate(BLOCK_BYTES);
    }
    for (int begun = 0; begun < 20 * DEPTH; queue.poll()) {
      begun += begin(handle, operations, buffers, begun);
    }
    begin(handle, operations, buffers, 0);
    handle.ring();
    server.kill();
    while (Arrays.stream(operations).anyMatch(AsyncIo::isInFlight)) {
      queue.poll();
    }
    assertThatThrownBy(() -> handle.read(buffers[0].segment(), 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(server.address());
    handle.close();
    queue.close();
  }

  /** Begins those that are not in flight; returns how many. None has failed so far. */
  private static int begin(
      NvmeHandle handle, AsyncIo[] operations, DmaBuffer[] buffers, int position)
      throws IOException {
    int begun = 0;
    for (int i = 0; i < DEPTH; i++) {
      AsyncIo io = operations[i];
      if (!io.isInFlight()) {
        assertThat(io.isDone() ? io.status() : 0).isZero();
        long at = (position + begun) % 1024 * (long) BLOCK_BYTES;
        if ((i & 1) == 0) {
          handle.read(io, buffers[i], 0, BLOCK_BYTES, at);
        } else {
          handle.write(io, buffers[i], 0, BLOCK_BYTES, at);
        }
        begun++;
      }
    }
    return begun;
  }
}
