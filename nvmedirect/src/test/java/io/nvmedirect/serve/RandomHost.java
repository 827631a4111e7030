package io.nvmedirect.serve;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.FilledEventFd;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/**
 * A hostile host that gets as far as I/O: two I/O queues, maybe shadow doorbells, commands with data
 * pointers to anywhere, and memory that comes and goes. Its own memory it reaches by the file, for that
 * gets shorter while the controller uses it.
 */
final class RandomHost implements AutoCloseable {

  private static final long IOVA = 0x10_0000;
  private static final int ENTRIES = 32;
  private static final int QUEUES = 3;
  private static final int PAGE_BYTES = 4096;

  // Pages of the file: a page of commands and one of completions for each queue, doorbells, data.
  private static final int SHADOW = 2 * QUEUES;
  private static final int EVENTS = SHADOW + 1;
  private static final int DATA = EVENTS + 1;
  private static final int PAGES = 64;
  private static final long BYTES = (long) PAGES * PAGE_BYTES;

  /** A directory of a file system with memory for its files. */
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");

  private final Random random;
  private final RawClient client;
  private final Path path;
  private final NativeFile file;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment scratch = arena.allocate(PAGE_BYTES, 8);
  private final EventFd[] events = new EventFd[QUEUES];
  private final int[] tails = new int[QUEUES];
  private MemorySegment doorbells = MemorySegment.NULL;
  private boolean shadow;

  RandomHost(Path socket, Path directory, Random random) throws IOException {
    this.random = random;
    Path where =
        Files.isWritable(SHARED_MEMORY) && random.nextBoolean() ? SHARED_MEMORY : directory;
    path =
        where.resolve("nvmedirect-test-" + ProcessHandle.current().pid() + "-" + random.nextLong());
    file = NativeFile.create(path);
    Files.delete(path);
    client = RawClient.greet(socket);
    for (int i = 0; i < QUEUES; i++) {
      events[i] = EventFd.create();
    }
  }

  /** Comes up as a good host does, but for its eventfds. */
  private void start() throws IOException {
    file.truncate(BYTES);
    client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, IOVA, BYTES), file.fd());
    client.succeed(
        Message.DEVICE_SET_IRQS,
        RawClient.ints(20, 4 | 32, 2, 0, QUEUES),
        events[0].fd(),
        events[1].fd(),
        events[2].fd());
    for (EventFd event : events) {
      if (random.nextBoolean()) {
        FilledEventFd.fill(event);
      }
    }
    ByteBuffer request = RawClient.ints(64, 0, 0, 0, 0, 0, 0, 0);
    try (Message info = client.request(Message.DEVICE_GET_REGION_INFO, request);
        NativeFile bar = info.takeFile(0, "doorbells")) {
      doorbells = Mmap.shared(bar, 0x1000, PAGE_BYTES, arena);
    }
    enable();
  }

  private void enable() throws IOException {
    Arrays.fill(tails, 0);
    client.enableFunction();
    client.writeInt(0, 0x24, (ENTRIES - 1) << 16 | ENTRIES - 1);
    client.writeLong(0, 0x28, address(0));
    client.writeLong(0, 0x30, address(1));
    client.writeInt(0, 0x14, 0x460001);
    for (int queue = 1; queue < QUEUES; queue++) {
      int attributes = (ENTRIES - 1) << 16 | queue;
      post(0, 0x05, 0, address(2 * queue + 1), 0, attributes, queue << 16 | 3);
      post(0, 0x01, 0, address(2 * queue), 0, attributes, queue << 16 | 1);
    }
    shadow = random.nextBoolean();
    if (shadow) {
      post(0, 0x7c, 0, address(SHADOW), address(EVENTS), 0, 0);
    }
    post(0, 0x09, 0, 0, 0, 1, 7); // bursts without limit
    ring(0, tails[0]);
  }

  private static long address(int page) {
    return IOVA + (long) page * PAGE_BYTES;
  }

  /** One conversation; it may end early by an exception, if the server has had enough. */
  void run(int steps) throws IOException {
    start();
    for (int i = 0; i < steps; i++) {
      step();
    }
  }

  private void step() throws IOException {
    int what = random.nextInt(400);
    switch (what) {
      case 0 -> file.truncate(random.nextInt((int) BYTES));
      case 1 -> file.truncate(BYTES);
      case 2 -> {
        file.truncate(0);
        file.truncate(BYTES);
      }
      case 3 -> client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 32, 2, 0, QUEUES));
      case 4 -> {
        client.succeed(Message.DEVICE_RESET, ByteBuffer.allocate(0));
        enable();
      }
      case 5 -> client.writeInt(0, 0x14, random.nextBoolean() ? 0x460000 : 0x464001);
      case 6 -> {
        client.succeed(Message.DMA_UNMAP, RawClient.dmaUnmap(IOVA, BYTES));
        file.truncate(BYTES);
        client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, IOVA, BYTES), file.fd());
      }
      case 7, 8 -> {
        client.writeInt(Message.REGION_CONFIG, what == 7 ? 0x04 : 0x44, random.nextInt(4));
        command();
        client.succeed(Message.DEVICE_RESET, ByteBuffer.allocate(0));
        enable();
      }
      case 9 -> client.writeInt(Message.REGION_CONFIG, 0x50, random.nextInt());
      case 10 -> client.writeInt(4, random.nextInt(QUEUES) * 16 + 12, random.nextInt(2));
      default -> {
        if (what < 20) {
          FilledEventFd.fill(events[random.nextInt(QUEUES)]);
        } else if (what < 30) {
          ring(random.nextInt(2 * QUEUES + 2), random.nextInt() >>> random.nextInt(32));
        } else if (what < 100) {
          pointers();
        } else {
          command();
        }
      }
    }
  }

  /** Lists of addresses, right and wrong, in a page of data. */
  private void pointers() throws IOException {
    for (int at = 0; at < PAGE_BYTES; at += Long.BYTES) {
      scratch.set(ValueLayout.JAVA_LONG, at, pointer());
    }
    file.write(scratch, (long) page() * PAGE_BYTES);
  }

  private int page() {
    return DATA + random.nextInt(PAGES - DATA);
  }

  private long pointer() {
    return switch (random.nextInt(12)) {
      case 0 -> random.nextLong();
      case 1 -> address(random.nextInt(PAGES + 2)) + random.nextInt(PAGE_BYTES);
      case 2 -> address(random.nextInt(DATA));
      case 3 -> (long) random.nextInt(256) << 56 | random.nextInt(PAGE_BYTES);
      default -> address(page());
    };
  }

  private void command() throws IOException {
    int queue = random.nextInt(8) == 0 ? 0 : 1 + random.nextInt(QUEUES - 1);
    int[] opcodes = {0x01, 0x02, 0x02, 0x05, 0x08, 0x09, 0x0c, 0x00};
    int opcode =
        random.nextInt(8) == 0 ? random.nextInt(256) : opcodes[random.nextInt(opcodes.length)];
    int psdt = random.nextInt(4) == 0 ? random.nextInt(4) << 14 : 0;
    int blocks = random.nextInt(32) == 0 ? random.nextInt(1 << 16) : random.nextInt(64);
    post(queue, opcode | psdt, 1, pointer(), pointer(), random.nextInt(1024), 0, blocks);
    if (random.nextInt(3) == 0) {
      ring(2 * queue, tails[queue]);
      // As if all had been taken, so that the queue goes on.
      ring(2 * queue + 1, random.nextInt(ENTRIES));
    }
  }

  private void post(int queue, int dw0, int nsid, long first, long second, int dw10, int dw11)
      throws IOException {
    post(queue, dw0, nsid, first, second, dw10, dw11, 0);
  }

  private void post(
      int queue, int dw0, int nsid, long first, long second, int dw10, int dw11, int dw12)
      throws IOException {
    MemorySegment entry = scratch.asSlice(0, 64).fill((byte) 0);
    entry.set(ValueLayout.JAVA_INT, 0, tails[queue] << 16 | dw0);
    entry.set(ValueLayout.JAVA_INT, 4, nsid);
    entry.set(ValueLayout.JAVA_LONG, 24, first);
    entry.set(ValueLayout.JAVA_LONG, 32, second);
    entry.set(ValueLayout.JAVA_INT, 40, dw10);
    entry.set(ValueLayout.JAVA_INT, 44, dw11);
    entry.set(ValueLayout.JAVA_INT, 48, dw12);
    file.write(entry, 2L * queue * PAGE_BYTES + tails[queue] * 64L);
    tails[queue] = (tails[queue] + 1) % ENTRIES;
  }

  private void ring(int index, int value) throws IOException {
    if (shadow && index > 1) {
      scratch.set(ValueLayout.JAVA_INT, 0, value);
      file.write(scratch.asSlice(0, 4), (long) SHADOW * PAGE_BYTES + index * 4L);
    }
    doorbells.set(ValueLayout.JAVA_INT, index * 4L, value);
  }

  @Override
  public void close() {
    client.close();
    for (EventFd event : events) {
      event.close();
    }
    arena.close();
    file.close();
  }
}
