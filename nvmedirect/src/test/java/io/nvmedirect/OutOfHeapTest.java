package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A JVM without a heap: what is under way ends all the same, and when there is memory again everybody is told
 * of what has failed, and the device works and closes.
 */
@Tag("emulator")
@Timeout(600)
class OutOfHeapTest {

  /** Each allocation is from the one heap, so that its last bytes can be taken. */
  private static final int HEAP_BYTES = 8 << 20;

  private static final List<String> OPTIONS =
      List.of("-Xmx" + HEAP_BYTES, "-Xms" + HEAP_BYTES, "-XX:-UseTLAB", "-XX:TieredStopAtLevel=1");

  private static final String DONE = "all as it should be";

  enum Scenario {
    /** A write fails after it has returned, and is completed by a poll. */
    WRITE_BEHIND,
    /** Likewise, by those who wait for it, without memory for a message. */
    WAITERS,
    /** An operation fails whose message cannot be made. */
    FUTURE,
    /** The parts of an operation cannot be made, or not be posted. */
    PARTS
  }

  /** What takes all of the heap. */
  @SuppressWarnings("UnusedVariable") // they keep memory
  private static final class Hog {

    /** Of 16 bytes: there is nothing smaller. */
    private static final class Crumb {
      @Nullable Crumb next;
    }

    private @Nullable Object @Nullable [] arrays;
    private @Nullable Crumb crumbs;
    private byte @Nullable [] left;

    void takeAll() {
      for (int length = 1 << 16; length > 0; length /= 32) {
        takeArrays(length);
      }
      try {
        while (true) {
          Crumb crumb = new Crumb();
          crumb.next = crumbs;
          crumbs = crumb;
        }
      } catch (OutOfMemoryError _) {
        // That was all.
      }
    }

    private void takeArrays(int length) {
      try {
        while (true) {
          @Nullable Object[] array = new @Nullable Object[length];
          array[0] = arrays;
          arrays = array;
        }
      } catch (OutOfMemoryError _) {
        // Less, then.
      }
    }

    /** Takes all but so many bytes. */
    void takeAllBut(int bytes) {
      left = bytes < 16 ? null : new byte[bytes - 16];
      takeAll();
      left = null;
    }

    /** Has the JVM make what it makes when something is called for the first time. */
    void warmUp() {
      for (int i = 0; i < 2; i++) {
        try {
          takeAllBut(32);
        } catch (OutOfMemoryError _) {
          // Not the next time.
        }
        giveBack();
      }
    }

    void giveBack() {
      arrays = null;
      crumbs = null;
    }
  }

  /** What runs with a small heap. */
  static final class Child {

    private static final int PART_BYTES = 8192;
    private static final int PARTS = 8;

    /** So much memory that none is taken. */
    private static final int ENOUGH = Integer.MAX_VALUE;

    /** Not a limit of speed: it ends a test that hangs. */
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Hog hog = new Hog();
    private final String address;
    private final NvmeDevice device;
    private final NvmeQueue queue;
    private final NvmeQueue second;
    private final DmaBuffer buffer;
    private int endedInTheMidst;

    /** What becomes of writes. */
    private volatile int fault = FaultInjector.NONE;

    private Child(String address) throws IOException {
      this.address = address;
      hog.warmUp();
      Emulator emulator = FaultyDevice.emulator("mem:1MiB?lba=4096&mdts=8KiB");
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid != 0 && opcode == Opcode.WRITE ? fault : FaultInjector.NONE);
      device = FaultyDevice.open(address, emulator, DeviceOptions.defaults());
      queue = device.createQueue(QueueOption.MANUAL_COMPLETION);
      second = device.createQueue(QueueOption.MANUAL_COMPLETION);
      buffer = device.allocate(PARTS * PART_BYTES);
    }

    private void close() throws Exception {
      buffer.close();
      second.close();
      queue.close();
      within("the device closes", device::close);
    }

    private MemorySegment block() {
      return buffer.segment().asSlice(0, 4096);
    }

    private static void check(boolean condition, String what) {
      if (!condition) {
        throw new AssertionError(what);
      }
    }

    /** Closes a handle, which must not hang either. */
    private record Closing(NvmeHandle handle) implements AutoCloseable {

      @Override
      public void close() {
        Throwable thrown = attempt(() -> within("the handle closes", handle::close));
        check(thrown == null, "closing: " + thrown);
      }
    }

    /** Something that must not hang. */
    private interface Action {
      void run() throws Exception;
    }

    private static void within(String what, Action action) throws Exception {
      FutureTask<@Nullable Void> task =
          new FutureTask<>(() -> {
            action.run();
            return null;
          });
      Thread thread = Thread.ofPlatform().daemon().start(task);
      check(thread.join(LIMIT), what + ": stuck in " + List.of(thread.getStackTrace()));
      Object _ = task.get();
    }

    /** A flush tells of the write that has failed, and the next one has nothing to tell. */
    private void checkFlushTells(NvmeHandle handle) throws Exception {
      fault = FaultInjector.NONE;
      within(
          "flush",
          () -> {
            try {
              handle.flush();
            } catch (NvmeException e) {
              check(Status.codes(e.status()) == Status.WRITE_FAULT, "the status: " + e);
              check(
                  String.valueOf(e.getCause()).contains("Write of 4096 bytes at 0"),
                  "the cause: " + e.getCause());
              return;
            }
            throw new AssertionError("the flush has said nothing of a lost write");
          });
      handle.write(block(), 0);
      within("the next flush", handle::flush);
    }

    private void writeBehind(boolean full) throws Exception {
      try (Closing closing = new Closing(queue.createHandle(HandleOption.WRITE_BEHIND))) {
        NvmeHandle handle = closing.handle;
        fault = Status.WRITE_FAULT;
        handle.write(block(), 0);
        Action polling = handle::poll;
        if (full) {
          hog.takeAll();
        }
        Throwable thrown = attempt(polling);
        hog.giveBack();
        check(thrown == null, "thrown: " + thrown);
        check(device.coherence().isClean(), "the write is still there");
        checkFlushTells(handle);
      }
    }

    /**
     * Those who wait for a write that fails go on, and the flush fails. They need memory, but there is not
     * enough for any message, which has the address.
     */
    private void waiters() throws Exception {
      check(address.length() > HEAP_BYTES / 3, "a message fits");
      try (Closing closing = new Closing(queue.createHandle(HandleOption.WRITE_BEHIND));
          Closing closingToo = new Closing(second.createHandle())) {
        NvmeHandle written = closing.handle;
        NvmeHandle other = closingToo.handle;
        for (Action waiting :
            List.<Action>of(
                () -> other.read(block(), 0),
                () -> other.write(block(), 0),
                () -> written.write(block(), 0))) {
          fault = Status.WRITE_FAULT;
          written.write(block(), 0);
          fault = FaultInjector.NONE;
          within("who waits", waiting);
          checkFlushFails(written);
        }
        fault = Status.WRITE_FAULT;
        written.write(block(), 0);
        fault = FaultInjector.NONE;
        checkFlushFails(other);
        fault = Status.WRITE_FAULT;
        written.write(block(), 0);
        fault = FaultInjector.NONE;
        within("close", written::close);
        checkFlushFails(other);
      }
    }

    private static void checkFlushFails(NvmeHandle handle) throws Exception {
      within(
          "flush",
          () ->
              check(
                  attempt(handle::flush) instanceof OutOfMemoryError, "the flush has not failed"));
      within("the next flush", handle::flush);
    }

    private static @Nullable Throwable attempt(Action action) {
      try {
        action.run();
        return null;
      } catch (Throwable e) {
        return e;
      }
    }

    /** Returns whether the message could be made. */
    private boolean future(int left) throws Exception {
      try (Closing closing = new Closing(queue.createHandle())) {
        NvmeHandle handle = closing.handle;
        fault = Status.WRITE_FAULT;
        CompletableFuture<Void> future = handle.writeAsync(block(), 0);
        Action polling = handle::poll;
        takeAllBut(left);
        Throwable thrown = attempt(polling);
        hog.giveBack();
        check(future.isDone(), "the future has no end with %d bytes: %s".formatted(left, thrown));
        check(handle.outstanding() == 0, "outstanding: " + handle.outstanding());
        Throwable end = future.exceptionNow();
        check(end instanceof NvmeException || end instanceof OutOfMemoryError, "the end: " + end);
        return end instanceof NvmeException;
      }
    }

    /** Returns whether all parts were posted. */
    private boolean parts(MemorySegment memory, int left) throws Exception {
      fault = FaultInjector.NONE;
      NvmeHandle handle =
          device.createHandle(
              List.of(queue, second), (_, _, at, _) -> at / PART_BYTES % 2 == 0 ? queue : second);
      AsyncIo operation = new AsyncIo();
      Action posting = () -> handle.write(operation, memory, 0);
      takeAllBut(left);
      Throwable thrown = attempt(posting);
      hog.giveBack();
      within("the handle closes", handle::close);
      check(handle.outstanding() == 0, "outstanding: " + handle.outstanding());
      check(!buffer.isInUse(), "the buffer is in use");
      check(!operation.isInFlight(), "the operation is in flight");
      if (thrown != null) {
        check(!operation.isDone(), "the operation is done, and this was thrown: " + thrown);
        return false;
      }
      if (operation.status() != 0) {
        check(operation.status() == Status.HOST_PATHING_ERROR, "the status: " + operation.status());
        endedInTheMidst++;
        return false;
      }
      return true;
    }

    private void takeAllBut(int left) {
      if (left < ENOUGH) {
        hog.takeAllBut(left);
      }
    }

    private void run(Scenario scenario) throws Exception {
      switch (scenario) {
        case WRITE_BEHIND -> {
          writeBehind(false);
          writeBehind(true);
          writeBehind(true);
        }
        case WAITERS -> {
          waiters();
        }
        case FUTURE -> {
          check(future(ENOUGH), "no message");
          // The future itself needs 16 for its end.
          int left = 32;
          while (!future(left)) {
            left += 192;
          }
          check(left > 32, "the message needs no memory");
        }
        case PARTS -> {
          MemorySegment copied = MemorySegment.ofArray(new byte[PARTS * PART_BYTES]);
          for (MemorySegment memory : List.of(buffer.segment(), copied)) {
            check(parts(memory, ENOUGH), "not posted");
            int left = 0;
            while (!parts(memory, left)) {
              left += 448;
            }
            check(left > 0, "posting needs no memory");
          }
          check(endedInTheMidst > 0, "no part has failed after others were posted");
        }
      }
    }

    public static void main(String[] arguments) {
      int status = 1;
      try {
        Scenario scenario = Scenario.valueOf(arguments[0]);
        Child child =
            new Child(scenario == Scenario.WAITERS ? "mem:".repeat(HEAP_BYTES / 10) : "mem:");
        child.run(scenario);
        child.close();
        System.out.println(DONE);
        status = 0;
      } catch (Throwable e) {
        e.printStackTrace(System.out);
      }
      // Threads that hang do not keep it.
      Runtime.getRuntime().halt(status);
    }
  }

  @ParameterizedTest
  @EnumSource(Scenario.class)
  void noHeap_everythingEnds_andIsTold(Scenario scenario) throws IOException {
    try (ChildJvm child = ChildJvm.start(OPTIONS, Child.class, scenario.name())) {
      assertThat(child.awaitEnd()).endsWith(DONE + "\n");
    }
  }
}
