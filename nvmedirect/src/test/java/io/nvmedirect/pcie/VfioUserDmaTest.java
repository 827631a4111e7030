package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.Mmap;
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

@Timeout(120)
@SuppressWarnings("try") // closing early is what some tests are about
class VfioUserDmaTest {

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
  void largeBuffer_isAFileOfItsOwn_andUnmappedExactly() throws IOException {
    try (VfioUserFunction function = open()) {
      long iova;
      try (DmaBuffer buffer = DmaBuffer.allocate(function.dma(), 1 << 20)) {
        iova = buffer.iova(0);
        ByteBuffer map = server.seen(Message.DMA_MAP).getFirst().bytes();
        assertThat(server.seen(Message.DMA_MAP).getFirst().fds()).isEqualTo(1);
        assertThat(map.getInt(0)).isEqualTo(32);
        assertThat(map.getInt(4)).isEqualTo(3);
        assertThat(map.getLong(8)).isZero();
        assertThat(map.getLong(16)).isEqualTo(iova);
        assertThat(map.getLong(24)).isEqualTo(1 << 20);
        buffer.segment().set(ValueLayout.JAVA_INT, 4096, 42);
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment theirs =
              Mmap.shared(Objects.requireNonNull(server.memory.get(iova)), 0, 1 << 20, arena);
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
                  .putLong(iova)
                  .putLong(1 << 20)
                  .array());
      assertThat(server.memory).isEmpty();
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
  void map_beyondWhatTheServerTakes_namesTheLimit() throws IOException {
    server.capabilities("{\"max_dma_maps\":2}");
    try (VfioUserFunction function = open();
        DmaBuffer first = DmaBuffer.allocate(function.dma(), 1 << 17);
        DmaBuffer second = DmaBuffer.allocate(function.dma(), 1 << 17)) {
      assertThat(first.iova(0)).isNotEqualTo(second.iova(0));
      assertThatThrownBy(() -> DmaBuffer.allocate(function.dma(), 1 << 17))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("2 mappings")
          .hasMessageContaining("max_dma_maps");
      second.close();
      DmaBuffer.allocate(function.dma(), 1 << 17).close();
    }
  }

  @Test
  void map_thatTheServerRefuses_namesTheError_andLeavesNothing() throws Exception {
    try (VfioUserFunction function = open()) {
      long before = ScriptedServer.openFds();
      server.on(Message.DMA_MAP, (m, s) -> s.refuse(m, Errno.ENOMEM));
      assertThatThrownBy(() -> DmaBuffer.allocate(function.dma(), 1 << 17))
          .isInstanceOf(NvmeException.class)
          .hasMessageContaining("DMA_MAP of 131072 bytes")
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
