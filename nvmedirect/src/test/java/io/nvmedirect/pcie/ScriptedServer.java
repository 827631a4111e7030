package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A vfio-user server for one client, without a controller behind it: BAR0 is a page of memory and a page
 * of doorbells that is shared. Tests change its answers to what they want to see. Its thread owns what
 * is behind the socket.
 */
public final class ScriptedServer implements AutoCloseable {

  static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(60);
  static final int DOORBELLS = 0x1000;
  static final int BAR_BYTES = 0x2000;

  /** Where in the file BAR0 begins. */
  static final int BAR_BASE = 0x4000;

  /** How a command is answered. */
  public interface Answer {
    void to(Message command, ScriptedServer server) throws IOException;
  }

  /** A command that has come. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Seen(int command, boolean wantsReply, int fds, byte[] payload) {
    ByteBuffer bytes() {
      return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  final List<Seen> seen = new CopyOnWriteArrayList<>();
  final BlockingQueue<Message> replies = new LinkedBlockingQueue<>();
  final List<EventFd> vectors = new CopyOnWriteArrayList<>();
  final Map<Long, NativeFile> memory = new ConcurrentHashMap<>();
  final byte[] config = new byte[256];
  final ByteBuffer registers = MessageSocket.payload(DOORBELLS);
  final NativeFile barFile;
  final MemorySegment doorbells;

  private final Map<Integer, Answer> answers = new ConcurrentHashMap<>();
  private final Arena arena = Arena.ofShared();
  private final Path path;
  private final UnixSocket listener;
  private final Thread thread;
  private volatile @Nullable MessageSocket client;
  private volatile @Nullable UnixSocket raw;
  private volatile String capabilities = "{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}";

  public ScriptedServer(Path path) throws IOException {
    this.path = path;
    barFile = NativeFile.inMemory("bar", BAR_BASE + BAR_BYTES);
    doorbells = Mmap.shared(barFile, BAR_BASE + DOORBELLS, DOORBELLS, arena);
    listener = UnixSocket.listen(path);
    answers.put(Message.VERSION, (m, s) -> s.reply(m, versionReply()));
    answers.put(Message.DEVICE_GET_INFO, (m, s) -> s.reply(m, ints(16, 3, 9, 5)));
    answers.put(Message.DEVICE_GET_REGION_INFO, (m, s) -> s.answerRegionInfo(m));
    answers.put(
        Message.DEVICE_GET_IRQ_INFO, (m, s) -> s.reply(m, ints(16, 1, m.payload().getInt(8), 4)));
    answers.put(Message.DEVICE_SET_IRQS, (m, s) -> s.setIrqs(m));
    answers.put(Message.REGION_READ, (m, s) -> s.access(m, false));
    answers.put(Message.REGION_WRITE, (m, s) -> s.access(m, true));
    answers.put(Message.DMA_MAP, (m, s) -> s.map(m));
    answers.put(Message.DMA_UNMAP, (m, s) -> s.unmap(m));
    answers.put(Message.DEVICE_RESET, (m, s) -> s.reply(m, MessageSocket.payload(0)));
    thread = Thread.ofPlatform().name("scripted server").start(this::serve);
  }

  /** Answers a command otherwise. */
  public ScriptedServer on(int command, Answer answer) {
    answers.put(command, answer);
    return this;
  }

  ScriptedServer capabilities(String json) {
    capabilities = json;
    return this;
  }

  ByteBuffer versionReply() {
    byte[] text = ("{\"capabilities\":" + capabilities + "}").getBytes(StandardCharsets.UTF_8);
    return MessageSocket.payload(4 + text.length + 1)
        .putShort((short) 0)
        .putShort((short) 1)
        .put(text)
        .rewind();
  }

  static ByteBuffer ints(int... values) {
    ByteBuffer payload = MessageSocket.payload(values.length * Integer.BYTES);
    for (int value : values) {
      payload.putInt(value);
    }
    return payload.rewind();
  }

  private void serve() {
    try (UnixSocket accepted = listener.accept()) {
      MessageSocket socket = new MessageSocket(accepted, 1 << 20, 64);
      client = socket;
      raw = accepted;
      while (true) {
        Message message = Objects.requireNonNull(socket.receive(true));
        if (message.isReply()) {
          replies.add(message);
          continue;
        }
        try (message) {
          byte[] bytes = new byte[message.payload().limit()];
          message.payload().get(0, bytes);
          seen.add(new Seen(message.command(), message.wantsReply(), message.fdCount(), bytes));
          Objects.requireNonNull(answers.get(message.command())).to(message, this);
        }
      }
    } catch (IOException e) {
      // The client has gone, or the test has ended.
    }
  }

  MessageSocket client() {
    return Objects.requireNonNull(client);
  }

  void reply(Message command, ByteBuffer payload, int... fds) throws IOException {
    if (command.wantsReply()) {
      client().send(command.id(), command.command(), Message.REPLY, 0, payload, LIMIT_NS, fds);
    }
  }

  public void refuse(Message command, int errno) throws IOException {
    client()
        .send(
            command.id(),
            command.command(),
            Message.REPLY | Message.ERROR,
            errno,
            MessageSocket.payload(0),
            LIMIT_NS);
  }

  /** Sends a header that says of itself that the message has so many bytes, and no more than that. */
  void sendHeader(Message command, int saysBytes) throws IOException {
    try (Arena header = Arena.ofConfined()) {
      ByteBuffer bytes =
          MessageSocket.payload(Message.HEADER_BYTES)
              .putShort((short) command.id())
              .putShort((short) command.command())
              .putInt(saysBytes)
              .putInt(Message.REPLY)
              .rewind();
      MemorySegment segment = header.allocate(Message.HEADER_BYTES);
      segment.copyFrom(MemorySegment.ofBuffer(bytes));
      assertThat(Objects.requireNonNull(raw).send(segment, true)).isEqualTo(Message.HEADER_BYTES);
    }
  }

  /** Sends a command of the server's, and waits for the reply, which the caller closes. */
  Message ask(MessageSocket over, int id, int command, ByteBuffer payload) throws Exception {
    over.send(id, command, 0, 0, payload, LIMIT_NS);
    return Objects.requireNonNull(
        over.equals(client) ? replies.poll(LIMIT_NS, TimeUnit.NANOSECONDS) : over.receive(true));
  }

  /** Ends the connection, as a server that is killed does. */
  void die() {
    client().shutdown();
  }

  private void answerRegionInfo(Message m) throws IOException {
    int index = m.payload().getInt(8);
    if (index == Message.REGION_BAR0) {
      reply(m, barInfo(DOORBELLS, DOORBELLS), barFile.fd());
    } else {
      int bytes = index == Message.REGION_CONFIG ? config.length : 0;
      reply(m, ints(32, 3, index, 0, bytes, 0, 0, 0));
    }
  }

  /** BAR0 with one area that may be mapped. */
  static ByteBuffer barInfo(long areaOffset, long areaBytes) {
    return MessageSocket.payload(64)
        .putInt(64)
        .putInt(0xf)
        .putInt(0)
        .putInt(32)
        .putLong(BAR_BYTES)
        .putLong(BAR_BASE)
        .putShort((short) Message.CAP_SPARSE_MMAP)
        .putShort((short) 1)
        .putInt(0)
        .putInt(1)
        .putInt(0)
        .putLong(areaOffset)
        .putLong(areaBytes)
        .rewind();
  }

  void access(Message m, boolean write) throws IOException {
    ByteBuffer in = m.payload();
    int at = Math.toIntExact(in.getLong(0));
    int region = in.getInt(8);
    int count = in.getInt(12);
    ByteBuffer space = region == 0 ? registers : ByteBuffer.wrap(config);
    ByteBuffer out = MessageSocket.payload(16 + (write ? 0 : count)).put(0, in, 0, 16);
    if (write && at < space.capacity()) {
      space.put(at, in, 16, count);
    } else if (!write) {
      out.put(16, space, at, count);
    }
    reply(m, out);
  }

  void setIrqs(Message m) throws IOException {
    for (int i = 0; i < m.fdCount(); i++) {
      vectors.add(m.takeEventFd(i));
    }
    reply(m, MessageSocket.payload(0));
  }

  void map(Message m) throws IOException {
    memory.put(m.payload().getLong(16), m.takeFile(0, "client's memory"));
    reply(m, MessageSocket.payload(0));
  }

  private void unmap(Message m) throws IOException {
    Objects.requireNonNull(memory.remove(m.payload().getLong(8))).close();
    reply(m, m.payload());
  }

  List<Seen> seen(int command) {
    return seen.stream().filter(s -> s.command == command).toList();
  }

  static void await(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + LIMIT_NS;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime() - end).as("time is over").isNegative();
      Thread.sleep(2);
    }
  }

  public static long openFds() {
    try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
      return fds.count();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  VfioUserAddress address() {
    return new VfioUserAddress(path, 0);
  }

  @Override
  public void close() throws IOException {
    listener.shutdown();
    MessageSocket connected = client;
    if (connected != null) {
      connected.shutdown();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    replies.forEach(Message::close);
    vectors.forEach(EventFd::close);
    memory.values().forEach(NativeFile::close);
    listener.close();
    barFile.close();
    arena.close();
    Files.deleteIfExists(path);
  }
}
