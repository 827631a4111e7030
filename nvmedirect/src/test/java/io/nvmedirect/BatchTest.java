package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.queue.Doorbell;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Writes of doorbell registers, on a controller that executes while its tail doorbell is written. */
@Tag("emulator")
@Timeout(300)
class BatchTest {

  private static final int DEPTH = 32;

  /** Values written to each doorbell, in the order in which they were made: tail, then head. */
  private final List<List<Integer>> rung = new ArrayList<>();

  private NvmeDevice device;
  private NvmeQueue queue;
  private NvmeHandle handle;
  private DmaBuffer buffer;
  private int done;

  private Doorbell counted(Doorbell register) {
    List<Integer> values = new ArrayList<>();
    rung.add(values);
    return value -> {
      values.add(value);
      register.ring(value);
    };
  }

  @BeforeEach
  void open() throws IOException {
    device =
        FaultyDevice.withDoorbells(
            FaultyDevice.emulator("mem:4MiB"), this::counted, DeviceOptions.defaults());
    rung.clear();
    queue = device.createQueue(DEPTH, QueueOption.CONFINED);
    assertThat(rung).as("a tail and a head").hasSize(2);
    handle = queue.createHandle();
    buffer = device.allocate(1 << 20);
  }

  @AfterEach
  void close() throws IOException {
    handle.close();
    queue.close();
    buffer.close();
    device.close();
  }

  private AsyncIo operation() {
    return new AsyncIo(io -> done += io.status() == 0 ? 1 : 0);
  }

  private MemorySegment[] parts(int i) {
    return new MemorySegment[] {
      buffer.segment().asSlice(i * 8192L, 100), buffer.segment().asSlice(i * 8192L + 1000, 412)
    };
  }

  @Test
  void batch_isOneWriteOfEachDoorbell() throws IOException {
    for (int batch = 1; batch <= 3; batch++) {
      for (int i = 0; i < 5; i++) {
        assertThat(handle.read(operation(), buffer, i * 8192L, 4096, i * 4096L)).isTrue();
        assertThat(handle.write(operation(), buffer.segment().asSlice(0, 512), 0)).isTrue();
        assertThat(handle.read(operation(), parts(i), i * 4096L)).isTrue();
        handle.enqueueWrite(operation(), parts(i), 1 << 20);
      }
      assertThat(rung.getFirst()).as("posted, not rung").hasSize(batch - 1);
      assertThat(queue.poll()).isEqualTo(20);
      assertThat(rung.getFirst()).as("tails").hasSize(batch).endsWith(20 * batch % (DEPTH + 1));
      assertThat(rung.getLast()).as("heads").hasSize(batch).endsWith(20 * batch % (DEPTH + 1));
    }
    assertThat(done).isEqualTo(60);
    assertThat(queue.poll()).isZero();
    queue.ring();
    assertThat(rung.getFirst()).as("nothing more was posted").hasSize(3);
    assertThat(rung.getLast()).hasSize(3);
  }

  @Test
  void ring_showsTheBatch_andPollTakesIt() throws IOException {
    for (int i = 0; i < DEPTH; i++) {
      assertThat(handle.read(operation(), parts(i), 0)).isTrue();
    }
    handle.ring();
    assertThat(rung.getFirst()).containsExactly(DEPTH);
    assertThat(rung.getLast()).isEmpty();
    assertThat(done).isZero();
    assertThat(handle.poll()).isEqualTo(DEPTH);
    assertThat(rung.getFirst()).containsExactly(DEPTH);
    assertThat(rung.getLast()).containsExactly(DEPTH);
    assertThat(done).isEqualTo(DEPTH);
  }

  @Test
  void commandsOfOneOperation_areOneBatch() throws IOException {
    assertThat(handle.read(operation(), buffer, 0, 1 << 20, 0)).isTrue();
    assertThat(queue.inFlight()).as("MDTS is 512 KiB").isEqualTo(2);
    assertThat(queue.poll()).isEqualTo(1);
    assertThat(rung.getFirst()).containsExactly(2);
    assertThat(rung.getLast()).containsExactly(2);
  }

  @Test
  void future_isRungAtOnce() throws IOException {
    var first = handle.readAsync(buffer.segment().asSlice(0, 512), 0);
    var second = handle.writeAsync(buffer.segment().asSlice(512, 512), 512);
    assertThat(rung.getFirst()).containsExactly(1, 2);
    assertThat(first).isNotDone();
    assertThat(queue.poll()).isEqualTo(2);
    assertThat(first).isCompleted();
    assertThat(second).isCompleted();
    assertThat(rung.getLast()).containsExactly(2);
  }

  @Test
  void fullQueue_isRung() throws IOException {
    for (int i = 0; i < DEPTH; i++) {
      assertThat(handle.read(operation(), parts(i), 0)).isTrue();
    }
    assertThat(handle.read(operation(), parts(0), 0)).isFalse();
    assertThat(rung.getFirst()).containsExactly(DEPTH);
    assertThat(queue.poll()).isEqualTo(DEPTH);
    assertThat(rung.getFirst()).hasSize(1);
    assertThat(rung.getLast()).containsExactly(DEPTH);
  }
}
