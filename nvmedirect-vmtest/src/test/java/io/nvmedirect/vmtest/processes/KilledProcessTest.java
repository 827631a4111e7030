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
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Either side is killed in the midst of I/O, again and again: the other one goes on, and data is kept. */
@Timeout(600)
final class KilledProcessTest {

  private static final int ROUNDS = 50;
  private static final int DEPTH = 32;
  private static final int BLOCK_BYTES = 4096;

  /** What a round writes and flushes, for the next one to read. */
  private static final int FLUSHED_BYTES = 256 << 10;

  /** Blocks behind that, which are read and written when the server is killed. */
  private static final int BLOCKS = 1024;

  /** A server lives for a second: it has no time for optimized code. */
  private static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1");

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
  void killedServers_endEveryOperationOfTheClient_andKeepTheData() throws Exception {
    Path socket = directory.resolve("sock");
    for (int round = 0; round < ROUNDS; round++) {
      ServerProcess server = ServerProcess.start(SHORT_LIVED, socket, device());
      NvmeDevice device;
      try {
        device = NvmeDevice.open(server.address());
        loseServer(server, device, round);
      } finally {
        server.kill();
      }
      closeLost(server, device);
    }
    // What is left is a file that the next server can use, at the socket of the one that was
    // killed.
    try (ServerProcess server = ServerProcess.start(socket, device());
        NvmeDevice device = NvmeDevice.open(server.address());
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle()) {
      assertThat(device.sizeBytes()).isEqualTo(64 << 20);
      assertFlushed(handle, ROUNDS - 1);
    }
  }

  /**
   * Reads what the round before has flushed, writes and flushes as much, and kills the server with
   * operations in flight, all of which end. Nothing fails before, and all that comes later does.
   */
  private static void loseServer(ServerProcess server, NvmeDevice device, int round)
      throws IOException {
    NvmeQueue queue =
        round % 2 == 0
            ? device.createQueue(DEPTH, QueueOption.INTERRUPT)
            : device.createQueue(DEPTH);
    NvmeHandle handle = queue.createHandle();
    if (round > 0) {
      assertFlushed(handle, round - 1);
    }
    handle.write(MemorySegment.ofArray(data(round)), 0);
    handle.flush();
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

  /** Closes a device whose server is gone, which may say so. */
  private static void closeLost(ServerProcess server, NvmeDevice device) {
    try {
      device.close();
    } catch (IOException e) {
      assertThat(e).hasMessageContaining(server.address());
    }
  }

  private static byte[] data(int round) {
    byte[] data = new byte[FLUSHED_BYTES];
    new Random(round).nextBytes(data);
    return data;
  }

  private static void assertFlushed(NvmeHandle handle, int round) throws IOException {
    byte[] data = new byte[FLUSHED_BYTES];
    handle.read(MemorySegment.ofArray(data), 0);
    assertThat(data).as("what round %d has flushed", round).isEqualTo(data(round));
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
        long at = FLUSHED_BYTES + (position + begun) % BLOCKS * (long) BLOCK_BYTES;
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
