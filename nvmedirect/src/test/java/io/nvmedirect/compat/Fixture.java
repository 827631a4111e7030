package io.nvmedirect.compat;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceOptions;
import io.nvmedirect.DeviceTraits;
import io.nvmedirect.FaultyDevice;
import io.nvmedirect.NvmeDevice;
import io.nvmedirect.Operations;
import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.assertj.core.api.SoftAssertions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;

/** An open device, what is made on it, and its orderly end. */
@Timeout(300)
abstract class Fixture {

  static final String LBA_512 = "mem:16MiB";
  static final String LBA_4096 = "mem:16MiB?lba=4096";

  /** Executes commands while the host goes on, as hardware does. */
  static final String THREAD = "mem:16MiB?mode=thread";

  /** Likewise, with doorbells in memory. */
  static final String SHADOW = "mem:16MiB?shadow=on&mode=thread";

  static final int DIRECT = LibNvmed.HANDLE_DIRECT_IO | LibNvmed.HANDLE_SYNC_IO;

  /** The flags of a handle that say how it reads and writes. */
  static final int[] ALL = {DIRECT, LibNvmed.HANDLE_DIRECT_IO, 0, LibNvmed.HANDLE_SYNC_IO};

  private final String address;
  NVMED nvmed;
  final int block;
  final long size;

  private final List<NVMED> devices = new ArrayList<>();
  private final List<NVMED_QUEUE> queues = new ArrayList<>();

  /** The queues of {@link #nvmed} that are open. */
  private final List<NVMED_QUEUE> own = new ArrayList<>();

  private final List<NVMED_HANDLE> handles = new ArrayList<>();
  private final List<MemorySegment> buffers = new ArrayList<>();
  private Operations operations = new Operations(1);

  Fixture(String address) {
    this(address, LibNvmed.NVMED_CACHE_LAZY_INIT);
  }

  Fixture(String address, int flags) {
    this.address = address;
    this.nvmed = present(LibNvmed.nvmed_open(address, flags));
    this.block = object(nvmed).blockBytes();
    this.size = object(nvmed).sizeBytes();
    devices.add(nvmed);
  }

  @BeforeEach
  void begin(Operations given) {
    operations = given;
  }

  @AfterEach
  void end() {
    // Leaves nothing behind, and has everything still work. All of it is tried, whatever of it
    // fails:
    // a device that stays open would fail every test after this one.
    SoftAssertions all = new SoftAssertions();
    handles.forEach(handle -> all.assertThat(destroy(handle)).isIn(0, -2));
    queues.forEach(queue -> all.assertThat(LibNvmed.nvmed_queue_destroy(queue)).isIn(0, -2));
    buffers.forEach(LibNvmed::nvmed_put_buffer);
    devices.forEach(device -> all.assertThat(LibNvmed.nvmed_close(device)).isIn(0, -2));
    all.assertAll();
  }

  private static int destroy(NVMED_HANDLE handle) {
    return handle.isMultiQueue()
        ? LibNvmed.nvmed_handle_destroy_mq(handle)
        : LibNvmed.nvmed_handle_destroy(handle);
  }

  static <T> T present(@Nullable T made) {
    return Objects.requireNonNull(made, () -> String.valueOf(LibNvmed.nvmed_last_error()));
  }

  static NvmeDevice object(NVMED nvmed) {
    try {
      return NVMED.live(nvmed);
    } catch (NvmeException e) {
      throw new AssertionError(e);
    }
  }

  // ---- What a test makes.

  /** The rounds of a loop that has so many by default. */
  int rounds(int byDefault) {
    return operations.rounds(byDefault);
  }

  /** The device, closed and opened anew with other flags: it cannot be open twice. */
  NVMED reopened(int flags) {
    assertThat(LibNvmed.nvmed_close(nvmed)).isIn(0, -2);
    nvmed = present(LibNvmed.nvmed_open(address, flags));
    devices.add(nvmed);
    return nvmed;
  }

  /** Another device, of the same block size. */
  NVMED other() {
    NVMED made = present(LibNvmed.nvmed_open(emulated(), LibNvmed.NVMED_CACHE_LAZY_INIT));
    devices.add(made);
    return made;
  }

  /** The address of a device for the test alone, of the same block size. */
  private String emulated() {
    return address.startsWith("mem:") ? address : "mem:16MiB?lba=" + block;
  }

  /** A device whose I/O commands of an opcode fail with a status while {@code faults} is above 0. */
  NVMED faulty(int opcode, int status, AtomicInteger faults, DeviceOptions options)
      throws IOException {
    Emulator emulator = FaultyDevice.emulator(emulated());
    NVMED made = new NVMED(FaultyDevice.open(emulated(), emulator, options));
    devices.add(made);
    emulator.inject((sqid, command, nsid, slba, blocks) ->
        sqid != 0 && command == opcode && faults.getAndUpdate(n -> Math.max(0, n - 1)) > 0
            ? status
            : FaultInjector.NONE);
    return made;
  }

  NVMED_QUEUE queue(int flags) {
    return queue(nvmed, flags);
  }

  NVMED_QUEUE queue(NVMED on, int flags) {
    if (on == nvmed) {
      own.removeIf(NVMED_QUEUE::isDestroyed);
      DeviceTraits.assumeQueues(object(on), own.size() + 1);
    }
    if ((flags & LibNvmed.QUEUE_INTERRUPT) != 0) {
      DeviceTraits.assumeInterrupts(object(on));
    }
    NVMED_QUEUE made = present(LibNvmed.nvmed_queue_create(on, flags));
    queues.add(made);
    if (on == nvmed) {
      own.add(made);
    }
    return made;
  }

  /** A handle on the first queue that the test has made, or else on one with a completion thread. */
  NVMED_HANDLE handle(int flags) {
    own.removeIf(NVMED_QUEUE::isDestroyed);
    return handle(own.isEmpty() ? queue(0) : own.getFirst(), flags);
  }

  /** A handle on a queue that only the test completes; its first queue, so that one is enough. */
  NVMED_HANDLE manual() {
    return handle(queue(LibNvmed.QUEUE_MANUAL_COMPLETION), DIRECT);
  }

  NVMED_HANDLE handle(NVMED_QUEUE queue, int flags) {
    NVMED_HANDLE made = present(LibNvmed.nvmed_handle_create(queue, flags));
    handles.add(made);
    return made;
  }

  NVMED_HANDLE handle(NVMED_QUEUE[] several, int flags, NVMED_MQ_SELECTOR selector) {
    NVMED_HANDLE made =
        present(LibNvmed.nvmed_handle_create_mq(several, several.length, flags, selector));
    handles.add(made);
    return made;
  }

  MemorySegment buffer(long bytes) {
    int pages = (int) ((bytes + 4095) / 4096);
    MemorySegment made = present(LibNvmed.nvmed_get_buffer(nvmed, pages));
    buffers.add(made);
    return made;
  }

  NVMED_AIO_CTX context(NVMED_HANDLE handle, MemorySegment buffer, long position, long length) {
    NVMED_AIO_CTX made = new NVMED_AIO_CTX();
    made.handle = handle;
    made.start_lba = position;
    made.len = length;
    made.buf = buffer;
    return made;
  }

  // ---- Data.

  static byte[] random(long seed, long length) {
    byte[] bytes = new byte[(int) length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static MemorySegment memory(long length) {
    return MemorySegment.ofArray(new byte[(int) length]);
  }

  static byte[] bytes(MemorySegment memory) {
    return memory.toArray(ValueLayout.JAVA_BYTE);
  }

  /** Fills blocks, for a device has whatever the test before has left. */
  void fill(NVMED_HANDLE handle, long position, long length, int value) {
    MemorySegment data = memory(length).fill((byte) value);
    assertThat(LibNvmed.nvmed_pwrite(handle, data, length, position)).isEqualTo(length);
    assertThat(LibNvmed.nvmed_flush(handle)).isZero();
  }

  /** What the device has, seen by a direct handle. */
  byte[] onDevice(NVMED_HANDLE direct, long position, long length) {
    MemorySegment read = memory(length);
    assertThat(LibNvmed.nvmed_pread(direct, read, length, position)).isEqualTo(length);
    return bytes(read);
  }

  static void assertFails(long result) {
    assertThat(result).isEqualTo(-1);
    assertThat(LibNvmed.nvmed_last_error()).isNotNull();
  }

  /** Completes what is in flight until a condition holds. */
  static void completeUntil(NVMED_HANDLE handle, BooleanSupplier condition) {
    await(() -> {
      LibNvmed.nvmed_aio_handle_complete(handle);
      return condition.getAsBoolean();
    });
  }

  static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("the condition does not come true").isLessThan(end);
      Thread.onSpinWait();
    }
  }
}
