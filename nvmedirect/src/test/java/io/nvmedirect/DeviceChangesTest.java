package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Resizing the cache, opening and closing queues, and closing the device, at the same time. */
@Tag("emulator")
@Timeout(600)
class DeviceChangesTest {

  private static final int TIMES = 300;

  @TempDir Path directory;

  private static MemorySegment heap(int length) {
    return MemorySegment.ofArray(new byte[length]);
  }

  /** Runs them at once, and throws what one has thrown. */
  private static void together(List<ThrowingRunnable> actions) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(actions.size())) {
      List<Future<?>> running = new ArrayList<>();
      for (ThrowingRunnable action : actions) {
        running.add(
            threads.submit(() -> {
              action.run();
              return null;
            }));
      }
      for (Future<?> each : running) {
        each.get(300, TimeUnit.SECONDS);
      }
    }
  }

  @FunctionalInterface
  private interface ThrowingRunnable {
    void run() throws Exception;
  }

  private static ThrowingRunnable resizing(NvmeDevice device, NvmeHandle handle, int base) {
    return () -> {
      for (int i = 0; i < TIMES; i++) {
        handle.write(heap(40_960), base * 40_960L);
        device.resizeCache(1 + (i + base) % 10);
      }
    };
  }

  @Test
  void resizeCache_byTwoThreads_atTheLimitOfQueues_leavesNothingOpen() throws Exception {
    NvmeDevice device = NvmeDevice.open("mem:16MiB?queues=2");
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      together(List.of(resizing(device, handle, 0), resizing(device, handle, 1)));
      assertThat(device.queues().open()).hasSize(1);
    }
    device.close();
    assertThat(device.isClosed()).isTrue();
  }

  @Test
  void queuesOfTheApplication_openAndClose_whileTheCacheIsResized() throws Exception {
    try (NvmeDevice device = NvmeDevice.open("mem:16MiB?queues=2")) {
      try (NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
        together(
            List.of(
                resizing(device, handle, 0),
                () -> {
                  for (int i = 0; i < TIMES; i++) {
                    // The last one that the controller allows, which is there for the application.
                    device.createQueue().close();
                  }
                }));
      }
      together(
          List.of(
              () -> {
                for (int i = 0; i < TIMES; i++) {
                  device.resizeCache(1 + i % 10);
                }
              },
              () -> {
                for (int i = 0; i < TIMES; i++) {
                  device.createQueue().close();
                }
              }));
    }
  }

  @Test
  void resizeCache_withConfinedQueuesOnly_hasAQueueOfItsOwn_orSaysThatThereIsNone()
      throws Exception {
    try (NvmeDevice device = NvmeDevice.open("mem:16MiB?queues=2");
        NvmeQueue first = device.createQueue(8, QueueOption.CONFINED);
        NvmeHandle handle = first.createHandle(HandleOption.BUFFERED)) {
      handle.write(heap(8192), 0);
      assertThat(device.resizeCache(1)).isEqualTo(1);
      try (NvmeQueue second = device.createQueue(8, QueueOption.CONFINED)) {
        assertThatThrownBy(() -> device.resizeCache(2)).isInstanceOf(IOException.class);
        assertThat(second.inFlight()).isZero();
      }
      assertThat(device.resizeCache(3)).isEqualTo(3);
    }
  }

  @Test
  void close_whereTheMediumIsGone_saysSoOnce_andThenEnds() throws Exception {
    Path image = directory.resolve("disk.img");
    String address = "file:" + image + "?size=1MiB&lba=4096";
    NvmeDevice device = NvmeDevice.open(address);
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      handle.write(heap(4096), 512 << 10);
      try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
        file.setLength(4096);
      }
    }
    assertThatThrownBy(device::close)
        .isInstanceOf(IOException.class)
        .hasMessageContaining(address)
        .hasMessageContaining("closing it again");
    assertThat(device.isClosed()).isFalse();
    try (NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle(HandleOption.BUFFERED)) {
      handle.write(heap(4096), 516 << 10);
    }
    assertThatThrownBy(device::close).as("more is lost").isInstanceOf(IOException.class);
    device.close();
    assertThat(device.isClosed()).isTrue();
    // The descriptor and the lock are gone.
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(1 << 20);
    }
    NvmeDevice.open(address).close();
  }
}
