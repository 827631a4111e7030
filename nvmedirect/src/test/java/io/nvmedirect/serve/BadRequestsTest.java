package io.nvmedirect.serve;

import static io.nvmedirect.serve.RawClient.access;
import static io.nvmedirect.serve.RawClient.dmaMap;
import static io.nvmedirect.serve.RawClient.dmaUnmap;
import static io.nvmedirect.serve.RawClient.ints;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that are wrong get an error number; the connection goes on, and nothing stays open. */
@Timeout(300)
class BadRequestsTest {

  /** Descriptors that go with a request, a letter each: m for memory, n for /dev/null, e for eventfd. */
  private static final String NO_FDS = "";

  private static final int EVENTFD_TRIGGER = 4 | 32;

  @TempDir Path directory;
  private Path path;
  private NvmeServer server;
  private NativeFile memory;
  private NativeFile device;
  private EventFd event;

  @BeforeEach
  void listen() throws IOException {
    path = directory.resolve("socket");
    server = NvmeServer.open("mem:16MiB", ServeOptions.defaults());
    server.listen(path);
    memory = NativeFile.inMemory("client", 1 << 20);
    device = NativeFile.open(Path.of("/dev/null"));
    event = EventFd.create();
  }

  @AfterEach
  void close() throws IOException {
    event.close();
    device.close();
    memory.close();
    server.close();
  }

  static Stream<Arguments> requests() {
    return Stream.of(unknown(), information(), interrupts(), accesses(), maps(), unmaps())
        .flatMap(s -> s);
  }

  private static Arguments bad(
      String what, int command, ByteBuffer payload, String fds, int errno) {
    return arguments(what, command, payload, fds, errno);
  }

  private static Stream<Arguments> unknown() {
    ByteBuffer none = MessageSocket.payload(0);
    return Stream.of(
        bad("command 0", 0, none, NO_FDS, Errno.EOPNOTSUPP),
        bad("command 14", 14, none, "me", Errno.EOPNOTSUPP),
        bad("command 65535", 65535, none, NO_FDS, Errno.EOPNOTSUPP),
        bad("server's", Message.DMA_READ, MessageSocket.payload(16), NO_FDS, Errno.EOPNOTSUPP),
        bad(
            "region descriptors",
            Message.DEVICE_GET_REGION_IO_FDS,
            ints(16, 0, 0, 0),
            NO_FDS,
            Errno.EOPNOTSUPP));
  }

  private static Stream<Arguments> information() {
    int device = Message.DEVICE_GET_INFO;
    int region = Message.DEVICE_GET_REGION_INFO;
    int irq = Message.DEVICE_GET_IRQ_INFO;
    return Stream.of(
        bad("no payload", device, MessageSocket.payload(0), NO_FDS, Errno.EINVAL),
        bad("short payload", device, MessageSocket.payload(15).putInt(0, 16), "e", Errno.EINVAL),
        bad("argsz too small", device, ints(15, 0, 0, 0), NO_FDS, Errno.EINVAL),
        bad("region: short", region, ints(32, 0, 0, 0, 0, 0, 0), NO_FDS, Errno.EINVAL),
        bad("region: argsz", region, ints(31, 0, 0, 0, 0, 0, 0, 0), NO_FDS, Errno.EINVAL),
        bad("region 9", region, ints(64, 0, 9, 0, 0, 0, 0, 0), NO_FDS, Errno.EINVAL),
        bad("region -1", region, ints(64, 0, -1, 0, 0, 0, 0, 0), NO_FDS, Errno.EINVAL),
        bad("irq: short", irq, ints(16, 0, 0), NO_FDS, Errno.EINVAL),
        bad("irq: argsz", irq, ints(0, 0, 2, 0), NO_FDS, Errno.EINVAL),
        bad("irq 5", irq, ints(16, 0, 5, 0), NO_FDS, Errno.EINVAL),
        bad("irq -1", irq, ints(16, 0, -1, 0), NO_FDS, Errno.EINVAL));
  }

  private static Stream<Arguments> interrupts() {
    return Stream.of(
        irqs("short", ints(20, EVENTFD_TRIGGER, 2, 0), NO_FDS, Errno.EINVAL),
        irqs("argsz", ints(19, EVENTFD_TRIGGER, 2, 0, 1), "e", Errno.EINVAL),
        irqs("no action", ints(20, 4, 2, 0, 1), "e", Errno.EINVAL),
        irqs("no data", ints(20, 32, 2, 0, 1), NO_FDS, Errno.EINVAL),
        irqs("two actions", ints(20, 4 | 8 | 32, 2, 0, 1), "e", Errno.EINVAL),
        irqs("two kinds of data", ints(20, 1 | 4 | 32, 2, 0, 1), "e", Errno.EINVAL),
        irqs("unknown flag", ints(20, 64 | EVENTFD_TRIGGER, 2, 0, 1), "e", Errno.EINVAL),
        irqs("no such type", ints(20, EVENTFD_TRIGGER, 5, 0, 1), "e", Errno.EINVAL),
        irqs("type without any", ints(20, EVENTFD_TRIGGER, 0, 0, 1), "e", Errno.EINVAL),
        irqs("behind the last", ints(20, EVENTFD_TRIGGER, 2, 65, 1), "e", Errno.EINVAL),
        irqs("too many", ints(20, EVENTFD_TRIGGER, 2, 0, 66), NO_FDS, Errno.EINVAL),
        irqs("wrapping", ints(20, EVENTFD_TRIGGER, 2, 1, -1), NO_FDS, Errno.EINVAL),
        irqs("far", ints(20, 1 | 32, 2, Integer.MAX_VALUE, 2), NO_FDS, Errno.EINVAL),
        irqs("negative start", ints(20, 1 | 32, 2, -1, 1), NO_FDS, Errno.EINVAL),
        irqs("none of them", ints(20, EVENTFD_TRIGGER, 2, 0, 0), NO_FDS, Errno.EINVAL),
        irqs("none to mask", ints(20, 1 | 8, 2, 0, 0), NO_FDS, Errno.EINVAL),
        irqs("fewer eventfds", ints(20, EVENTFD_TRIGGER, 2, 0, 3), "ee", Errno.EINVAL),
        irqs("more eventfds", ints(20, EVENTFD_TRIGGER, 2, 0, 1), "ee", Errno.EINVAL),
        irqs("no eventfd", ints(20, EVENTFD_TRIGGER, 2, 0, 3), "eem", Errno.EINVAL),
        irqs("a device", ints(20, EVENTFD_TRIGGER, 2, 0, 1), "n", Errno.EINVAL),
        irqs("eventfd to no purpose", ints(20, 1 | 32, 2, 0, 1), "e", Errno.EINVAL),
        irqs("too few booleans", ints(24, 2 | 32, 2, 0, 5, 1), NO_FDS, Errno.EINVAL),
        irqs("too few to mask", ints(20, 2 | 8, 2, 0, 1), NO_FDS, Errno.EINVAL),
        irqs("unmask by eventfd", ints(20, 4 | 16, 2, 0, 1), "e", Errno.ENOTTY));
  }

  private static Arguments irqs(String what, ByteBuffer payload, String fds, int errno) {
    return bad("interrupts: " + what, Message.DEVICE_SET_IRQS, payload, fds, errno);
  }

  private static Stream<Arguments> accesses() {
    return Stream.of(
        read("short", MessageSocket.payload(15)),
        read("nothing", access(0, 0, 0)),
        read("negative count", access(0, 0, -4)),
        read("behind BAR0", access(0, 0x2000, 4)),
        read("over the end of BAR0", access(0, 0x1ffe, 4)),
        read("negative offset", access(0, -4, 4)),
        read("wrapping", access(0, Long.MAX_VALUE, 4)),
        read("BAR1", access(1, 0, 4)),
        read("ROM", access(6, 0, 4)),
        read("VGA", access(8, 0, 4)),
        read("region 9", access(9, 0, 4)),
        read("region -1", access(-1, 0, 4)),
        read("all of the memory", access(0, 0, Integer.MAX_VALUE)),
        read("behind configuration space", access(7, 4096, 1)),
        read("behind the table", access(4, 0x1ffd, 4)),
        read("behind the pending bits", access(5, 0x1000, 1)),
        write("short", MessageSocket.payload(12)),
        write("no data", access(0, 0x14, 4)),
        write("less data", MessageSocket.payload(19).put(0, access(0, 0x14, 4), 0, 16)),
        write("more data", MessageSocket.payload(21).put(0, access(0, 0x14, 4), 0, 16)),
        write("behind", MessageSocket.payload(20).put(0, access(0, 0x1ffe, 4), 0, 16)),
        write("VGA", MessageSocket.payload(20).put(0, access(8, 0, 4), 0, 16)));
  }

  private static Arguments read(String what, ByteBuffer payload) {
    return bad("read: " + what, Message.REGION_READ, payload, NO_FDS, Errno.EINVAL);
  }

  private static Arguments write(String what, ByteBuffer payload) {
    return bad("write: " + what, Message.REGION_WRITE, payload, NO_FDS, Errno.EINVAL);
  }

  private static Stream<Arguments> maps() {
    long big = Long.MAX_VALUE & -4096;
    return Stream.of(
        map("short", MessageSocket.payload(31).putInt(0, 32), "m", Errno.EINVAL),
        map("argsz", dmaMap(3, 0, 0, 4096).putInt(0, 31), "m", Errno.EINVAL),
        map("no access", dmaMap(0, 0, 0, 4096), "m", Errno.EINVAL),
        map("unknown flag", dmaMap(7, 0, 0, 4096), "m", Errno.EINVAL),
        map("empty", dmaMap(3, 0, 0, 0), "m", Errno.EINVAL),
        map("negative", dmaMap(3, 0, 0, -4096), "m", Errno.EINVAL),
        map("part of a page", dmaMap(3, 0, 0, 4097), "m", Errno.EINVAL),
        map("crooked address", dmaMap(3, 0, 512, 4096), "m", Errno.EINVAL),
        map("crooked offset", dmaMap(3, 512, 0, 4096), "m", Errno.EINVAL),
        map("negative offset", dmaMap(3, -4096, 0, 4096), "m", Errno.EINVAL),
        map("wrapping", dmaMap(3, 0, -8192, 1 << 20), "m", Errno.EINVAL),
        map("behind the file", dmaMap(3, 1 << 20, 0, 4096), "m", Errno.EINVAL),
        map("longer than the file", dmaMap(3, 4096, 0, 1 << 20), "m", Errno.EINVAL),
        map("huge", dmaMap(3, 0, 1L << 40, big), "m", Errno.EINVAL),
        map("huge offset", dmaMap(3, big, 0, 4096), "m", Errno.EINVAL),
        map("a device", dmaMap(3, 0, 0, 4096), "n", Errno.EINVAL),
        map("an eventfd", dmaMap(3, 0, 0, 4096), "e", Errno.EINVAL),
        map("two files", dmaMap(3, 0, 0, 4096), "mm", Errno.EINVAL),
        // The test has mapped 64 KiB at 1 MiB.
        map("the same", dmaMap(3, 0, 0x100000, 0x10000), "m", Errno.EEXIST),
        map("within", dmaMap(3, 0, 0x104000, 0x1000), "m", Errno.EEXIST),
        map("without a file", dmaMap(3, 0, 0x104000, 0x1000), NO_FDS, Errno.EEXIST),
        map("around", dmaMap(3, 0, 0xf0000, 0x40000), "m", Errno.EEXIST),
        map("the end", dmaMap(3, 0, 0x10f000, 0x2000), "m", Errno.EEXIST),
        map("the beginning", dmaMap(3, 0, 0xff000, 0x2000), "m", Errno.EEXIST));
  }

  private static Arguments map(String what, ByteBuffer payload, String fds, int errno) {
    return bad("map: " + what, Message.DMA_MAP, payload, fds, errno);
  }

  private static Stream<Arguments> unmaps() {
    return Stream.of(
        unmap("short", MessageSocket.payload(23).putInt(0, 24), Errno.EINVAL),
        unmap("argsz", dmaUnmap(0x100000, 0x10000).putInt(0, 23), Errno.EINVAL),
        unmap("flags", dmaUnmap(0x100000, 0x10000).putInt(4, 2), Errno.EINVAL),
        unmap("a part", dmaUnmap(0x100000, 0x1000), Errno.ENOENT),
        unmap("more", dmaUnmap(0x100000, 0x11000), Errno.ENOENT),
        unmap("another one", dmaUnmap(0x200000, 0x10000), Errno.ENOENT));
  }

  private static Arguments unmap(String what, ByteBuffer payload, int errno) {
    return bad("unmap: " + what, Message.DMA_UNMAP, payload, "m", errno);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("requests")
  void badRequest_isAnError_andTheConnectionGoesOn(
      String what, int command, ByteBuffer payload, String fds, int errno) throws Exception {
    try (RawClient client = RawClient.greet(path)) {
      client.succeed(Message.DMA_MAP, dmaMap(3, 0, 0x100000, 0x10000), memory.fd());
      List<String> before = Served.descriptors();
      int[] sent = fds.chars().map(this::descriptor).toArray();
      assertThat(client.fail(command, payload, sent)).isEqualTo(errno);
      assertThat(client.succeed(Message.DEVICE_GET_INFO, ints(16, 0, 0, 0)))
          .isEqualTo(ints(16, 3, 9, 5));
      assertThat(Served.descriptors()).as("what came with it is closed").isEqualTo(before);
      client.succeed(Message.DMA_UNMAP, dmaUnmap(0x100000, 0x10000));
    }
  }

  private int descriptor(int letter) {
    return switch (letter) {
      case 'm' -> memory.fd();
      case 'n' -> device.fd();
      case 'e' -> event.fd();
      default -> throw new IllegalArgumentException("letter=" + letter);
    };
  }
}
