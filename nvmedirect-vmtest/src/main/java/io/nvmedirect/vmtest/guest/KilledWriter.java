package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.AsyncIo;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Random;

/** A process that writes and flushes, goes on with reads and writes, and is killed in their midst. */
public final class KilledWriter {

  private static final int FLUSHED_BYTES = 4 << 20;
  static final int CHUNK_BYTES = 64 << 10;
  private static final int DEPTH = 32;
  private static final String READY = "flushed, I/O is in flight";

  private KilledWriter() {}

  /** Starts the process on a device of at least 64 MiB, and kills it when I/O is in flight. */
  public static void runAndKill(String address, long seed)
      throws IOException, InterruptedException {
    runAndKill(address, seed, FLUSHED_BYTES, DEPTH);
  }

  /**
   * Likewise.
   *
   * @param flushedBytes how much it flushes first, a multiple of {@link #CHUNK_BYTES}
   * @param depth how many reads and writes are in flight
   */
  static void runAndKill(String address, long seed, int flushedBytes, int depth)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                KilledWriter.class.getName(),
                address,
                String.valueOf(seed),
                String.valueOf(flushedBytes),
                String.valueOf(depth))
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output = process.inputReader()) {
      StringBuilder said = new StringBuilder();
      String line;
      do {
        line = output.readLine();
        said.append(line).append('\n');
      } while (line != null && !line.equals(READY));
      assertThat(line).as("what the process said: %s", said).isEqualTo(READY);
    } finally {
      // SIGKILL.
      process.destroyForcibly();
    }
    assertThat(process.waitFor()).isEqualTo(128 + 9);
  }

  /** Checks that the device has what was flushed, and works. */
  public static void verify(String address, long seed) throws IOException {
    verify(address, seed, FLUSHED_BYTES);
  }

  /** Likewise. */
  static void verify(String address, long seed, int flushedBytes) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(CHUNK_BYTES)) {
      Random random = new Random(seed);
      byte[] expected = new byte[CHUNK_BYTES];
      for (long at = 0; at < flushedBytes; at += CHUNK_BYTES) {
        random.nextBytes(expected);
        handle.read(buffer.segment(), at);
        assertThat(buffer.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
      }
      // And it still writes.
      handle.write(buffer.segment(), flushedBytes);
      handle.flush();
    }
  }

  /** The process that is killed: writes what {@link #verify} reads, and does I/O behind it. */
  public static void main(String[] arguments) throws IOException {
    Random random = new Random(Long.parseLong(arguments[1]));
    int flushedBytes = Integer.parseInt(arguments[2]);
    int depth = Integer.parseInt(arguments[3]);
    NvmeDevice device = NvmeDevice.open(arguments[0]);
    NvmeQueue queue = device.createQueue();
    NvmeHandle handle = queue.createHandle();
    byte[] bytes = new byte[CHUNK_BYTES];
    for (long at = 0; at < flushedBytes; at += CHUNK_BYTES) {
      random.nextBytes(bytes);
      handle.write(MemorySegment.ofArray(bytes), at);
    }
    handle.flush();
    AsyncIo[] operations = new AsyncIo[depth];
    DmaBuffer[] buffers = new DmaBuffer[depth];
    for (int i = 0; i < depth; i++) {
      operations[i] = new AsyncIo();
      buffers[i] = device.allocate(CHUNK_BYTES);
    }
    boolean said = false;
    while (true) {
      for (int i = 0; i < depth; i++) {
        if (!operations[i].isInFlight()) {
          long at = flushedBytes + (long) random.nextInt(512) * CHUNK_BYTES;
          // Reads as well: they are what writes to memory.
          if ((i & 1) == 0) {
            handle.read(operations[i], buffers[i], 0, CHUNK_BYTES, at);
          } else {
            handle.write(operations[i], buffers[i], 0, CHUNK_BYTES, at);
          }
        }
      }
      handle.ring();
      if (!said) {
        System.out.println(READY);
        said = true;
      }
      handle.poll();
    }
  }
}
