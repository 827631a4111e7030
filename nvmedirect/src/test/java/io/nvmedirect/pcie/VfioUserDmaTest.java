package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.Mmap;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
@SuppressWarnings("try") // closing early is what some tests are about
class VfioUserDmaTest {

  private static final long FIRST_BYTES = 16 << 20;

  @TempDir Path directory;

  private ScriptedServer server;

  @BeforeEach
  void start() throws IOException {
    server = new ScriptedServer(directory.resolve("s"));
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
  }

  private VfioUserFunction open() throws IOException {
    return VfioUserFunction.open(server.address(), ScriptedServer.LIMIT_NS);
  }

  private static ByteBuffer access(long iova, long count, byte... data) {
    return MessageSocket.payload(16 + data.length).putLong(iova).putLong(count).put(data).rewind();
  }

  private static byte[] bytes(ByteBuffer payload, int from) {
    byte[] bytes = new byte[payload.limit() - from];
    payload.get(from, bytes);
    return bytes;
  }

  // ---- Mapping.

  @Test
  void buffer_isAPartOfAFile_thatIsUnmappedExactly() throws IOException {
    try (VfioUserFunction function = open()) {
      long first;
      try (DmaBuffer before = DmaBuffer.allocate(function.dma(), 8192);
          DmaBuffer buffer = DmaBuffer.allocate(function.dma(), 1 << 20)) {
        ByteBuffer map = server.seen(Message.DMA_MAP).getFirst().bytes();
        assertThat(server.seen(Message.DMA_MAP)).hasSize(1);
        assertThat(server.seen(Message.DMA_MAP).getFirst().fds()).isEqualTo(1);
        assertThat(map.getInt(0)).isEqualTo(32);
        assertThat(map.getInt(4)).isEqualTo(3);
        assertThat(map.getLong(8)).isZero();
        first = map.getLong(16);
        assertThat(first).isEqualTo(before.iova(0));
        assertThat(buffer.iova(0)).isEqualTo(first + 8192);
        assertThat(map.getLong(24)).isEqualTo(FIRST_BYTES);
        buffer.segment().set(ValueLayout.JAVA_INT, 4096, 42);
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment theirs =
              Mmap.shared(Objects.requireNonNull(server.memory.get(first)), 8192, 1 << 20, arena);
          assertThat(theirs.get(ValueLayout.JAVA_INT, 4096)).isEqualTo(42);
          theirs.set(ValueLayout.JAVA_INT, 0, 43);
        }
        assertThat(buffer.segment().get(ValueLayout.JAVA_INT, 0)).isEqualTo(43);
      }
      assertThat(server.seen(Message.DMA_UNMAP).getFirst().payload())
          .isEqualTo(
              MessageSocket.payload(24)
                  .putInt(24)
                  .putInt(0)
                  .putLong(first)
                  .putLong(FIRST_BYTES)
                  .array());
      assertThat(server.memory).isEmpty();
    }
  }

  private long mapped(int index) {
    return server.seen(Message.DMA_MAP).get(index).bytes().getLong(24);
  }

  @Test
  void manyBuffers_needFewFiles_whichGrow() throws IOException {
    try (VfioUserFunction function = open()) {
      List<DmaBuffer> buffers = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        buffers.add(DmaBuffer.allocate(function.dma(), 1 << 20));
      }
      assertThat(server.seen(Message.DMA_MAP)).hasSize(3);
      assertThat(mapped(0)).isEqualTo(FIRST_BYTES);
      assertThat(mapped(1)).isEqualTo(8 * FIRST_BYTES);
      assertThat(mapped(2)).isEqualTo(64 * FIRST_BYTES);
      buffers.forEach(DmaBuffer::close);
      assertThat(server.seen(Message.DMA_UNMAP)).hasSize(3);
      assertThat(server.memory).isEmpty();
      try (DmaBuffer _ = DmaBuffer.allocate(function.dma(), 4096)) {
        assertThat(mapped(3)).as("small again").isEqualTo(FIRST_BYTES);
      }
    }
  }

  @Test
  void hugeBuffer_hasAFileOfItsOwn() throws IOException {
    try (VfioUserFunction function = open();
        DmaBuffer huge = DmaBuffer.allocate(function.dma(), (3L << 30) + 4096)) {
      assertThat(mapped(0)).isEqualTo((3L << 30) + Mmap.HUGE_PAGE_BYTES);
      assertThat(huge.byteSize()).isEqualTo((3L << 30) + 4096);
    }
    assertThat(server.memory).isEmpty();
  }

  /** A buffer that lives long keeps its file mapped, but not the memory of those around it. */
  @Test
  void freedBuffers_giveTheirMemoryBack_andTheirPlace() throws Exception {
    try (VfioUserFunction function = open();
        DmaBuffer _ = DmaBuffer.allocate(function.dma(), 4096)) {
      NativeFile file = server.memory.values().iterator().next();
      for (int i = 0; i < 100; i++) {
        try (DmaBuffer buffer = DmaBuffer.allocate(function.dma(), 8 << 20)) {
          assertThat(buffer.segment().get(ValueLayout.JAVA_LONG, 4096)).isZero();
          buffer.segment().fill((byte) 1);
          assertThat(allocatedBytes(file)).isGreaterThanOrEqualTo(8 << 20);
        }
      }
      assertThat(allocatedBytes(file)).isLessThan(1 << 20);
      assertThat(server.seen(Message.DMA_MAP)).hasSize(1);
    }
  }

  /** By the blocks of 512 bytes that stat(1) tells. */
  private static long allocatedBytes(NativeFile file) throws Exception {
    Process stat =
        new ProcessBuilder(
                "stat",
                "-L",
                "-c",
                "%b",
                "/proc/%d/fd/%d".formatted(ProcessHandle.current().pid(), file.fd()))
            .start();
    try (var out = stat.inputReader()) {
      return 512 * Long.parseLong(out.readLine());
    } finally {
      stat.waitFor();
    }
  }

  @Test
  void smallBuffers_shareAFile_andAreZeroWhenUsedAgain() throws IOException {
    try (VfioUserFunction function = open()) {
      List<DmaBuffer> buffers = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        DmaBuffer buffer = DmaBuffer.allocate(function.dma(), 5000);
        assertThat(buffer.byteSize()).isEqualTo(8192);
        assertThat(buffer.segment().mismatch(MemorySegment.ofArray(new byte[8192]))).isEqualTo(-1);
        buffer.segment().fill((byte) i);
        buffers.add(buffer);
      }
      assertThat(server.seen(Message.DMA_MAP)).hasSize(1);
      for (int i = 0; i < 40; i++) {
        assertThat(buffers.get(i).segment().get(ValueLayout.JAVA_BYTE, 8191)).isEqualTo((byte) i);
      }
      buffers.get(7).close();
      try (DmaBuffer again = DmaBuffer.allocate(function.dma(), 8192)) {
        assertThat(again.iova(0)).isEqualTo(buffers.get(7).iova(0));
        assertThat(again.segment().mismatch(MemorySegment.ofArray(new byte[8192]))).isEqualTo(-1);
      }
      assertThat(server.seen(Message.DMA_UNMAP)).isEmpty();
      buffers.forEach(DmaBuffer::close);
      assertThat(server.seen(Message.DMA_UNMAP)).hasSize(1);
    }
  }

  @Test
  void map_ofTheApplicationsMemory_isRefused() throws IOException {
    try (VfioUserFunction function = open();
        Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(4096, 4096);
      assertThat(function.dma().canMap(memory)).isFalse();
      assertThatThrownBy(() -> function.dma().map(memory)).isInstanceOf(NvmeException.class);
    }
  }

  @Test
  void lastMappingThatTheServerTakes_isTheLargest_andBeyondItTheErrorNamesTheLimit()
      throws IOException {
    server.capabilities("{\"max_dma_maps\":2}");
    try (VfioUserFunction function = open();
        DmaBuffer first = DmaBuffer.allocate(function.dma(), 16 << 20);
        DmaBuffer second = DmaBuffer.allocate(function.dma(), 1L << 30)) {
      assertThat(first.iova(0)).isNotEqualTo(second.iova(0));
      assertThat(mapped(0)).isEqualTo(FIRST_BYTES);
      assertThat(mapped(1)).isEqualTo(8L << 30);
      DmaBuffer third = DmaBuffer.allocate(function.dma(), 7L << 30);
      assertThatThrownBy(() -> DmaBuffer.allocate(function.dma(), 4096))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("4096 bytes")
          .hasMessageContaining("2 mappings")
          .hasMessageContaining("max_dma_maps 2");
      third.close();
      DmaBuffer.allocate(function.dma(), 4096).close();
      assertThat(server.seen(Message.DMA_MAP)).as("and none that it would refuse").hasSize(2);
    }
  }

  /** As libvfio-user, which does not say how many it takes. */
  @Test
  void limitThatIsNotAnnounced_isLearned() throws IOException {
    limit(2);
    try (VfioUserFunction function = open();
        DmaBuffer _ = DmaBuffer.allocate(function.dma(), 16 << 20);
        DmaBuffer second = DmaBuffer.allocate(function.dma(), 128 << 20)) {
      for (int i = 0; i < 3; i++) {
        assertThatThrownBy(() -> DmaBuffer.allocate(function.dma(), 4096))
            .isInstanceOf(NvmeException.class)
            .hasMessageContaining("it has refused more than 2");
      }
      int asked = server.seen(Message.DMA_MAP).size();
      assertThatThrownBy(() -> DmaBuffer.allocate(function.dma(), 1 << 20))
          .isInstanceOf(NvmeException.class);
      assertThat(server.seen(Message.DMA_MAP)).as("not asked again").hasSize(asked);
      second.close();
      DmaBuffer.allocate(function.dma(), 128 << 20).close();
    }
    assertThat(server.memory).isEmpty();
  }

  private void limit(int mappings) {
    server.on(
        Message.DMA_MAP,
        (m, s) -> {
          if (s.memory.size() == mappings) {
            s.refuse(m, Errno.EINVAL);
          } else {
            s.map(m);
          }
        });
  }

  @Test
  void largeMappingsRefused_smallerOnesAreTried() throws IOException {
    server.on(
        Message.DMA_MAP,
        (m, s) -> {
          if (m.payload().getLong(24) > 4 << 20) {
            s.refuse(m, Errno.ENOMEM);
          } else {
            s.map(m);
          }
        });
    try (VfioUserFunction function = open()) {
      List<DmaBuffer> buffers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        buffers.add(DmaBuffer.allocate(function.dma(), 1 << 20));
      }
      assertThat(server.memory).hasSize(4);
      assertThat(server.seen(Message.DMA_MAP)).as("one refusal is enough").hasSize(5);
      buffers.forEach(DmaBuffer::close);
      assertThat(server.memory).isEmpty();
    }
  }

  @Test
  void map_thatTheServerRefuses_namesTheError_andLeavesNothing() throws Exception {
    try (VfioUserFunction function = open()) {
      long before = ScriptedServer.openFds();
      server.on(Message.DMA_MAP, (m, s) -> s.refuse(m, Errno.ENOMEM));
      assertThatThrownBy(() -> DmaBuffer.allocate(function.dma(), 1 << 17))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("131072 bytes")
          .hasMessageContaining("DMA_MAP of 2097152 bytes")
          .hasMessageContaining("ENOMEM");
      ScriptedServer.await(() -> ScriptedServer.openFds() == before);
    }
  }

  // ---- What the server reads and writes by messages.

  private void checkAccess(VfioUserFunction function, MessageSocket over) throws Exception {
    try (DmaBuffer other = DmaBuffer.allocate(function.dma(), 4096);
        DmaBuffer buffer = DmaBuffer.allocate(function.dma(), 8192)) {
      buffer.segment().set(ValueLayout.JAVA_BYTE, 8191, (byte) 9);
      long iova = buffer.iova(0);
      try (Message read = server.ask(over, 5, Message.DMA_READ, access(iova + 8190, 2))) {
        assertThat(read.id()).isEqualTo(5);
        assertThat(read.command()).isEqualTo(Message.DMA_READ);
        assertThat(read.isError()).isFalse();
        assertThat(read.payload().getLong(0)).isEqualTo(iova + 8190);
        assertThat(read.payload().getLong(8)).isEqualTo(2);
        assertThat(bytes(read.payload(), 16)).containsExactly(0, 9);
      }
      ByteBuffer data = access(iova, 3, (byte) 1, (byte) 2, (byte) 3);
      try (Message write = server.ask(over, 6, Message.DMA_WRITE, data)) {
        assertThat(write.isError()).isFalse();
        assertThat(bytes(write.payload(), 0)).isEqualTo(access(iova, 3).array());
      }
      assertThat(buffer.segment().asSlice(0, 4).toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(1, 2, 3, 0);
      checkRefused(over, Message.DMA_READ, access(iova + 8190, 3), Errno.EFAULT);
      checkRefused(over, Message.DMA_READ, access(iova - 8192, 1), Errno.EFAULT);
      checkRefused(over, Message.DMA_READ, access(-1, 1), Errno.EFAULT);
      checkRefused(over, Message.DMA_READ, access(Long.MAX_VALUE, 1 << 20), Errno.EFAULT);
      checkRefused(over, Message.DMA_READ, access(iova, -1), Errno.EINVAL);
      checkRefused(over, Message.DMA_READ, access(iova, (1 << 20) + 1), Errno.EINVAL);
      checkRefused(over, Message.DMA_READ, access(iova, 1, (byte) 1), Errno.EINVAL);
      checkRefused(over, Message.DMA_READ, MessageSocket.payload(8), Errno.EINVAL);
      checkRefused(over, Message.DMA_WRITE, access(iova, 2, (byte) 8), Errno.EINVAL);
      checkRefused(over, Message.DMA_WRITE, access(iova + 8191, 2, (byte) 8, (byte) 8), 14);
      checkRefused(over, 99, access(iova, 1), Errno.EOPNOTSUPP);
      assertThat(buffer.segment().get(ValueLayout.JAVA_BYTE, 8191)).isEqualTo((byte) 9);
      buffer.close();
      checkRefused(over, Message.DMA_READ, access(iova, 1), Errno.EFAULT);
      assertThat(other.isClosed()).isFalse();
      assertThat(function.read32(0)).as("the connection goes on").isZero();
    }
  }

  private void checkRefused(MessageSocket over, int command, ByteBuffer payload, int errno)
      throws Exception {
    try (Message reply = server.ask(over, 7, command, payload)) {
      assertThat(reply.isError()).isTrue();
      assertThat(reply.error()).isEqualTo(errno);
      assertThat(reply.payload().limit()).isZero();
    }
  }

  @Test
  void dmaReadAndWrite_areAnswered() throws Exception {
    try (VfioUserFunction function = open()) {
      checkAccess(function, server.client());
    }
  }

  @Test
  void dmaReadAndWrite_areAnsweredOnATwinSocket() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    server.capabilities("{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}");
    server.on(Message.VERSION, (m, s) -> s.reply(m, s.versionReply(), pair[1].fd()));
    try (MessageSocket twin = new MessageSocket(pair[0], 1 << 20, 1);
        VfioUserFunction function = open()) {
      pair[1].close();
      checkAccess(function, twin);
      server.on(
          Message.REGION_READ,
          (m, s) -> {
            // In the midst of a command of the client's.
            try (Message reply = s.ask(twin, 1, Message.DMA_READ, access(1, 1))) {
              assertThat(reply.error()).isEqualTo(Errno.EFAULT);
            } catch (Exception e) {
              throw new IOException(e);
            }
            s.access(m, false);
          });
      assertThat(function.read32(0)).isZero();
    }
  }

  @Test
  void twinSocket_thatEnds_endsTheConnection() throws Exception {
    UnixSocket[] pair = UnixSocket.pair();
    server.capabilities("{\"twin_socket\":{\"supported\":true,\"fd_index\":0}}");
    server.on(Message.VERSION, (m, s) -> s.reply(m, s.versionReply(), pair[1].fd()));
    try (VfioUserFunction function = open()) {
      pair[1].close();
      pair[0].close();
      ScriptedServer.await(function::isLost);
      assertThatThrownBy(() -> function.read32(0)).isInstanceOf(NvmeException.class);
    }
  }
}
