package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;

/** Reads into and writes of several segments, by every kind of handle, with every kind of memory. */
@ParameterizedClass
@DeviceAddresses({
  "mem:4MiB",
  "mem:4MiB?lba=4096&mode=thread",
  "mem:4MiB?sgl=off",
  "mem:4MiB?sgl=off&lba=4096",
  "mem:4MiB?sgl=dword&mode=thread",
  "mem:4MiB?sgl=off&mdts=8KiB",
  "mem:4MiB?mdts=0&shadow=on"
})
@Timeout(300)
class VectoredIoTest {

  /** What the random operations are on. */
  private static final int MOST_BYTES = 256 << 10;

  private final NvmeDevice device;
  private final int block;
  private final List<AutoCloseable> open = new ArrayList<>();

  VectoredIoTest(String address) throws IOException {
    device = NvmeDevice.open(address, DeviceOptions.defaults().withCachePages(16));
    block = device.blockBytes();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable resource : open.reversed()) {
      resource.close();
    }
    device.close();
  }

  private NvmeQueue queue(QueueOption... options) throws IOException {
    NvmeQueue queue = device.createQueue(5, options);
    open.add(queue);
    return queue;
  }

  private NvmeHandle handle(NvmeQueue queue, HandleOption... options) {
    NvmeHandle handle = queue.createHandle(options);
    open.add(handle);
    return handle;
  }

  private DmaBuffer buffer(long length) throws IOException {
    DmaBuffer buffer = device.allocate(length);
    open.add(buffer);
    return buffer;
  }

  private static MemorySegment heap(int length) {
    return MemorySegment.ofArray(new byte[length]);
  }

  private static byte[] bytes(MemorySegment[] segments) {
    int length = (int) Segments.byteSize(segments);
    MemorySegment all = heap(length);
    Segments.gather(segments, 0, all, length);
    return TestData.bytes(all);
  }

  private static void fill(MemorySegment[] segments, byte[] data) {
    Segments.scatter(MemorySegment.ofArray(data), segments, 0, data.length);
  }

  /** Lists of segments: of one kind of memory or of all kinds, cut anywhere or at certain places. */
  private static final class Lists {
    private final Random random;
    private final MemorySegment registered;

    /** What is before it may be in use by writes that have returned. */
    private int place;

    Lists(Random random, MemorySegment registered) {
      this.random = random;
      this.registered = registered;
    }

    boolean isHalfUsed() {
      return place > registered.byteSize() / 2;
    }

    void startAgain() {
      place = 0;
    }

    MemorySegment[] next(int length) {
      int cut = new int[] {1, 4, 512, 4096}[random.nextInt(4)];
      int kind = random.nextInt(6);
      List<MemorySegment> list = new ArrayList<>();
      for (int left = length; left > 0; ) {
        int most = random.nextInt(3) == 0 ? left : Math.min(left, 3 * Math.max(cut, 300));
        int part = 1 + random.nextInt(most);
        part = part < cut ? Math.min(cut, left) : part / cut * cut;
        place = (place + 4095) & -4096;
        int offset = cut == 4096 ? 0 : random.nextInt(4096 / cut) * cut;
        list.add(memory(kind == 5 ? random.nextInt(5) : kind, place + offset, part));
        place += offset + part;
        left -= part;
        if (random.nextInt(8) == 0) {
          list.add(heap(0));
        }
      }
      return list.toArray(MemorySegment[]::new);
    }

    private MemorySegment memory(int kind, int place, int length) {
      return switch (kind) {
        case 0, 1 -> registered.asSlice(place, length);
        case 2 -> Arena.ofAuto().allocate(length, 4096);
        case 3 -> Arena.ofAuto().allocate(length + 3L, 4).asSlice(random.nextInt(4), length);
        default -> heap(length);
      };
    }
  }

  @Test
  void randomLists_holdWhatWasWritten(Operations operations) throws IOException {
    long seed = Long.getLong("nvmedirect.seed", System.nanoTime());
    Random random = new Random(seed);
    NvmeQueue queue = queue();
    NvmeQueue second = device.maxQueues() > 1 ? queue(QueueOption.MANUAL_COMPLETION) : queue;
    List<NvmeHandle> handles =
        List.of(
            handle(queue),
            handle(second, HandleOption.FORCE_UNIT_ACCESS),
            handle(queue, HandleOption.BUFFERED),
            handle(queue, HandleOption.BUFFERED, HandleOption.WRITE_THROUGH),
            handle(queue, HandleOption.WRITE_BEHIND),
            device.createHandle(
                List.of(queue, second),
                (h, opcode, position, length) -> position / block % 3 == 0 ? queue : second,
                HandleOption.WRITE_BEHIND));
    open.add(handles.getLast());
    int size = (int) Math.min(device.sizeBytes(), MOST_BYTES);
    long base = device.sizeBytes() - size;
    byte[] model = TestData.random(seed, size);
    handles.getFirst().write(MemorySegment.ofArray(model), base);
    // Each segment has a page of its own, or more.
    Lists lists = new Lists(random, buffer(16 << 20).segment());
    for (int step = 0; step < operations.rounds(3000); step++) {
      NvmeHandle handle = handles.get(random.nextInt(handles.size()));
      boolean buffered = handle.options().contains(HandleOption.BUFFERED);
      int most = random.nextInt(8) == 0 ? 100_000 : 3 * block;
      int from = random.nextInt(size);
      int length = 1 + random.nextInt(Math.min(most, size - from));
      boolean asynchronous = random.nextBoolean();
      if (!buffered || asynchronous) {
        from = from / block * block;
        length = Math.max(block, length / block * block);
      }
      if (lists.isHalfUsed()) {
        handle.flush();
        lists.startAgain();
      }
      MemorySegment[] segments = lists.next(length);
      String what =
          "step %d, %d bytes at %d in %d segments by %s%s of %s (-Dnvmedirect.seed=%d)"
              .formatted(
                  step,
                  length,
                  base + from,
                  segments.length,
                  handle.options(),
                  asynchronous ? ", asynchronous," : "",
                  device.address(),
                  seed);
      if (random.nextBoolean()) {
        byte[] data = TestData.random(random.nextLong(), length);
        fill(segments, data);
        if (asynchronous) {
          AsyncIo io = new AsyncIo();
          handle.enqueueWrite(io, segments, base + from);
          finish(handle, io, what);
        } else {
          handle.write(segments, base + from);
        }
        System.arraycopy(data, 0, model, from, length);
      } else {
        if (asynchronous) {
          AsyncIo io = new AsyncIo();
          handle.enqueueRead(io, segments, base + from);
          finish(handle, io, what);
        } else {
          handle.read(segments, base + from);
        }
        assertThat(Arrays.mismatch(bytes(segments), Arrays.copyOfRange(model, from, from + length)))
            .as(what)
            .isEqualTo(-1);
      }
    }
    for (NvmeHandle handle : handles) {
      MemorySegment all = heap(size);
      handle.read(all, base);
      assertThat(Arrays.mismatch(TestData.bytes(all), model)).as("seed %d", seed).isEqualTo(-1);
    }
  }

  private static void finish(NvmeHandle handle, AsyncIo io, String what) {
    while (!io.isDone()) {
      handle.poll();
    }
    assertThat(io.status()).as(what).isZero();
  }

  @Test
  void buffered_isCoherentWithDirect() throws IOException {
    NvmeQueue queue = queue();
    NvmeHandle direct = handle(queue);
    NvmeHandle buffered = handle(queue, HandleOption.BUFFERED);
    MemorySegment[] parts = {heap(100), heap(0), heap(2 * block), heap(2 * block - 100)};
    byte[] data = TestData.random(1, 4 * block);
    fill(parts, data);
    buffered.write(parts, block);
    MemorySegment[] back = {heap(block + 1), heap(3 * block - 1)};
    direct.read(back, block);
    assertThat(bytes(back)).isEqualTo(data);
    byte[] other = TestData.random(2, 2 * block);
    MemorySegment[] two = {heap(7), heap(2 * block - 7)};
    fill(two, other);
    direct.write(two, 2L * block);
    System.arraycopy(other, 0, data, block, 2 * block);
    buffered.read(back, block);
    assertThat(bytes(back)).isEqualTo(data);
    MemorySegment[] odd = {heap(11), heap(13)};
    buffered.read(odd, block + 5);
    assertThat(bytes(odd)).isEqualTo(Arrays.copyOfRange(data, 5, 29));
  }

  @Test
  void endOfTheDevice_isReached_andNotPassed() throws IOException {
    NvmeQueue queue = queue();
    MemorySegment[] parts = {heap(block - 1), heap(1), heap(2 * block)};
    byte[] data = TestData.random(3, 3 * block);
    for (NvmeHandle handle : List.of(handle(queue), handle(queue, HandleOption.BUFFERED))) {
      long end = device.sizeBytes();
      fill(parts, data);
      handle.write(parts, end - 3L * block);
      for (MemorySegment part : parts) {
        part.fill((byte) 0);
      }
      for (long position : new long[] {end - 2L * block, end, -block, 1L << 62}) {
        assertThatThrownBy(() -> handle.write(parts, position))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("position=" + position)
            .hasMessageContaining("length=" + 3 * block);
        assertThatThrownBy(() -> handle.read(parts, position))
            .isInstanceOf(IllegalArgumentException.class);
      }
      handle.read(parts, end - 3L * block);
      assertThat(bytes(parts)).isEqualTo(data);
    }
  }

  @Test
  void partsOfBlocks_areRefusedByDirectHandles() throws IOException {
    NvmeHandle handle = handle(queue());
    MemorySegment[] parts = {heap(block), heap(1)};
    assertThatThrownBy(() -> handle.read(parts, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("length=" + (block + 1));
    assertThatThrownBy(() -> handle.write(new AsyncIo(), parts, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> handle.read(new MemorySegment[] {heap(block)}, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("position=1");
    assertThat(handle.outstanding()).isZero();
  }

  @Test
  void nothing_isReadAndWritten() throws IOException {
    NvmeQueue queue = queue();
    for (NvmeHandle handle : List.of(handle(queue), handle(queue, HandleOption.BUFFERED))) {
      for (MemorySegment[] nothing : new MemorySegment[][] {{}, {heap(0), heap(0)}}) {
        handle.read(nothing, 0);
        handle.write(nothing, device.sizeBytes());
        assertThatThrownBy(() -> handle.read(new AsyncIo(), nothing, 0))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("length=0");
      }
      assertThat(handle.outstanding()).isZero();
    }
  }

  /** The bad one is the last, so that those before it could have been transferred. */
  @Test
  void badSegment_isRefusedBeforeAnythingIsDone() throws Exception {
    NvmeQueue queue = queue();
    DmaBuffer buffer = buffer(2L * block);
    MemorySegment registered = buffer.segment().asSlice(0, 2L * block);
    MemorySegment closed;
    try (Arena arena = Arena.ofShared()) {
      closed = arena.allocate(block, 4096);
    }
    for (NvmeHandle handle :
        List.of(
            handle(queue),
            handle(queue, HandleOption.BUFFERED),
            handle(queue, HandleOption.WRITE_BEHIND))) {
      handle.write(heap(3 * block).fill((byte) 7), 0);
      for (MemorySegment good : List.of(registered, heap(2 * block))) {
        good.fill((byte) 1);
        MemorySegment[] intoReadOnly = {good, heap(block).asReadOnly()};
        assertThatThrownBy(() -> handle.read(intoReadOnly, 0))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("read-only: segment 1");
        assertThatThrownBy(() -> handle.read(new AsyncIo(), intoReadOnly, 0))
            .isInstanceOf(IllegalArgumentException.class);
        MemorySegment[] withClosed = {good, closed};
        assertThatThrownBy(() -> handle.read(withClosed, 0))
            .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> handle.write(withClosed, 0))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("closed: segment 1");
        assertThatThrownBy(() -> handle.write(new AsyncIo(), withClosed, 0))
            .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> writeWithMemoryOfAnotherThread(handle, good))
            .isInstanceOf(WrongThreadException.class)
            .hasMessageContaining("segment 1");
        assertThat(TestData.bytes(good)).containsOnly(1);
      }
      MemorySegment all = heap(3 * block);
      handle.read(all, 0);
      assertThat(TestData.bytes(all)).containsOnly(7);
      handle.write(new MemorySegment[] {registered.asReadOnly()}, 0);
      handle.read(all, 0);
      assertThat(TestData.bytes(all.asSlice(0, 2L * block))).containsOnly(1);
      assertThat(handle.outstanding()).isZero();
      assertThat(buffer.isInUse()).isFalse();
    }
  }

  private void writeWithMemoryOfAnotherThread(NvmeHandle handle, MemorySegment good)
      throws Throwable {
    try (Arena confined = Arena.ofConfined();
        ExecutorService other = Executors.newSingleThreadExecutor()) {
      MemorySegment[] parts = {good, confined.allocate(block)};
      Future<?> written =
          other.submit(() -> {
            handle.write(parts, 0);
            return null;
          });
      written.get();
    } catch (ExecutionException e) {
      throw e.getCause();
    }
  }

  @Test
  void confinedMemory_needsManualCompletion() throws IOException {
    NvmeHandle handle = handle(queue());
    byte[] data = TestData.random(4, 2 * block);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment[] parts = {heap(block), arena.allocate(block)};
      fill(parts, data);
      assertThatThrownBy(() -> handle.write(new AsyncIo(), parts, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("manual completion");
      assertThat(handle.outstanding()).isZero();
      handle.write(parts, 0);
      if (device.maxQueues() > 1) {
        NvmeHandle manual = handle(queue(QueueOption.MANUAL_COMPLETION));
        parts[0].fill((byte) 0);
        parts[1].fill((byte) 0);
        AsyncIo io = new AsyncIo();
        assertThat(manual.read(io, parts, 0)).isTrue();
        finish(manual, io, "confined");
        assertThat(bytes(parts)).isEqualTo(data);
      }
    }
  }

  @Test
  void operation_isUsedAgain_withFewerOrMoreSegments() throws IOException {
    NvmeQueue queue = queue(QueueOption.CONFINED);
    NvmeHandle handle = handle(queue);
    DmaBuffer buffer = buffer(64L * 8192);
    byte[] data = TestData.random(5, 64 * block);
    handle.write(MemorySegment.ofArray(data), 0);
    AsyncIo io = new AsyncIo();
    for (int count : new int[] {1, 64, 3, 20, 1}) {
      MemorySegment[] parts = new MemorySegment[count];
      for (int i = 0; i < count; i++) {
        parts[i] = buffer.segment().asSlice(i * 8192L + i * 4L % 4096, block);
      }
      handle.enqueueRead(io, parts, 0);
      finish(handle, io, count + " segments");
      assertThat(bytes(parts)).isEqualTo(Arrays.copyOf(data, count * block));
      // In between as an operation on one.
      assertThat(handle.read(io, buffer, 0, block, block)).isTrue();
      finish(handle, io, "one buffer");
      assertThat(TestData.bytes(buffer.segment().asSlice(0, block)))
          .isEqualTo(Arrays.copyOfRange(data, block, 2 * block));
    }
    assertThat(buffer.isInUse()).isFalse();
  }

  @Test
  void close_waitsForOperationsInFlight() throws IOException {
    NvmeQueue queue = queue(QueueOption.MANUAL_COMPLETION);
    DmaBuffer buffer = buffer(1 << 20);
    byte[] data = TestData.random(6, 4 * block);
    NvmeHandle handle = queue.createHandle();
    handle.write(MemorySegment.ofArray(data), 0);
    MemorySegment[] direct = {
      buffer.segment().asSlice(3, 2L * block), buffer.segment().asSlice(1 << 19, 2L * block)
    };
    MemorySegment[] copied = {heap(block), heap(3 * block)};
    AsyncIo first = new AsyncIo();
    AsyncIo second = new AsyncIo();
    handle.enqueueRead(first, direct, 0);
    handle.enqueueRead(second, copied, 0);
    assertThatThrownBy(() -> handle.read(first, direct, 0))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("in flight");
    handle.close();
    assertThat(first.status()).isZero();
    assertThat(second.status()).isZero();
    assertThat(bytes(direct)).isEqualTo(data);
    assertThat(bytes(copied)).isEqualTo(data);
    assertThat(buffer.isInUse()).isFalse();
    assertThatThrownBy(() -> handle.read(direct, 0)).isInstanceOf(IllegalStateException.class);
  }
}
