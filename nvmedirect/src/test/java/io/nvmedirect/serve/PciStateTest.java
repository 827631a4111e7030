package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import io.nvmedirect.vfiouser.MessageSocket;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a served function does while its configuration space says that it may not. */
@Timeout(120)
class PciStateTest {

  private static final int CONFIG = Message.REGION_CONFIG;
  private static final int TABLE = 4;
  private static final int PENDING = 5;

  private static final int COMMAND = 0x04;
  private static final int POWER_STATE = 0x44;
  private static final int MSIX = 0x50;
  private static final int MSIX_ENABLE = 1 << 31;
  private static final int MSIX_MASK_ALL = 1 << 30;
  private static final int VECTOR_CONTROL = 12;

  private static final int CSTS = 0x1c;
  private static final int FATAL = 2;

  @TempDir Path directory;

  private NvmeServer server;
  private NativeFile file;
  private EventFd event;
  private MappedHost host;
  private int slot;

  @BeforeEach
  void start() throws Exception {
    Path path = directory.resolve("socket");
    server = NvmeServer.open("mem:1MiB", ServeOptions.defaults());
    server.listen(path);
    file = NativeFile.inMemory("client", MappedHost.BYTES);
    event = EventFd.create();
    host = new MappedHost(path, file);
  }

  @AfterEach
  void stop() throws Exception {
    host.close();
    event.close();
    file.close();
    server.close();
  }

  private void arm() throws Exception {
    host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 4 | 32, 2, 0, 1), event.fd());
  }

  /** Has a command executed, and returns when the interrupt was signalled if it ever is. */
  private void complete() throws Exception {
    host.identify(slot);
    host.ring(0, slot + 1);
    host.awaitCompletion(slot);
    slot++;
    settle();
  }

  /** The server's thread signals before it takes the next message. */
  private void settle() throws Exception {
    host.client.readInt(CONFIG, 0);
  }

  /** Returns when the server's thread has looked at doorbells, as it does between two sleeps. */
  private void lookAtDoorbells() throws Exception {
    long before = server.thread().sleeps();
    Served.await(
        "the server has slept twice",
        () -> {
          settle();
          return server.thread().sleeps() >= before + 2;
        });
  }

  private int pending() throws Exception {
    return host.client.readInt(PENDING, 0);
  }

  // ---- MSI-X.

  @Test
  void interrupt_isSentOnlyWhileMsixIsEnabled() throws Exception {
    arm();
    host.enable();
    host.client.writeInt(CONFIG, MSIX, 0);
    complete();
    assertThat(event.drain()).isFalse();
    host.client.writeInt(CONFIG, MSIX, MSIX_ENABLE);
    settle();
    assertThat(event.drain()).as("what came before is no business of MSI-X").isFalse();
    complete();
    assertThat(event.drain()).isTrue();
  }

  @Test
  void functionMask_keepsInterruptsPending() throws Exception {
    arm();
    host.enable();
    host.client.writeInt(CONFIG, MSIX, MSIX_ENABLE | MSIX_MASK_ALL);
    complete();
    complete();
    assertThat(event.drain()).isFalse();
    assertThat(pending()).isEqualTo(1);
    host.client.writeInt(CONFIG, MSIX, MSIX_ENABLE);
    assertThat(event.drain()).isTrue();
    assertThat(pending()).isZero();
    settle();
    assertThat(event.drain()).as("once for both").isFalse();
  }

  @Test
  void vectorMask_inTheTable_keepsItsInterruptPending() throws Exception {
    arm();
    host.enable();
    assertThat(host.client.readInt(TABLE, VECTOR_CONTROL)).as("unmasked when armed").isZero();
    assertThat(host.client.readInt(TABLE, 16 + VECTOR_CONTROL)).as("not armed").isEqualTo(1);
    host.client.writeInt(TABLE, VECTOR_CONTROL, 1);
    complete();
    assertThat(event.drain()).isFalse();
    assertThat(pending()).isEqualTo(1);
    host.client.writeInt(CONFIG, MSIX, MSIX_ENABLE | MSIX_MASK_ALL);
    host.client.writeInt(TABLE, VECTOR_CONTROL, 0);
    assertThat(event.drain()).as("the function is masked").isFalse();
    host.client.writeInt(CONFIG, MSIX, MSIX_ENABLE);
    assertThat(event.drain()).isTrue();
    assertThat(pending()).isZero();
  }

  @Test
  void vectorMask_byMessages_keepsItsInterruptPending() throws Exception {
    arm();
    host.enable();
    ByteBuffer info = host.client.succeed(Message.DEVICE_GET_IRQ_INFO, RawClient.ints(16, 0, 2, 0));
    assertThat(info.getInt(4)).as("by eventfd, maskable").isEqualTo(3);
    host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(20, 1 | 8, 2, 0, 1));
    assertThat(host.client.readInt(TABLE, VECTOR_CONTROL)).isEqualTo(1);
    complete();
    assertThat(event.drain()).isFalse();
    assertThat(pending()).isEqualTo(1);
    // By a byte for each: the second one is not asked for.
    host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(22, 2 | 16, 2, 0, 2, 0x0100));
    assertThat(event.drain()).isFalse();
    host.client.succeed(Message.DEVICE_SET_IRQS, RawClient.ints(22, 2 | 16, 2, 0, 2, 0x0001));
    assertThat(event.drain()).isTrue();
    complete();
    assertThat(event.drain()).isTrue();
  }

  @Test
  void reset_disablesMsix_andKeepsTheEventfds() throws Exception {
    arm();
    host.enable();
    host.client.succeed(Message.DEVICE_RESET, MessageSocket.payload(0));
    assertThat(host.client.readInt(CONFIG, MSIX) & MSIX_ENABLE).isZero();
    host.enableAgain();
    slot = 0;
    complete();
    assertThat(event.drain()).isTrue();
  }

  // ---- The command register and the power state.

  @Test
  void busMasterClear_theControllerReachesNoMemory() throws Exception {
    host.enable();
    host.client.writeInt(CONFIG, COMMAND, 2);
    host.identify(0);
    host.ring(0, 1);
    Served.await("the controller fails", () -> (host.client.readInt(0, CSTS) & FATAL) != 0);
    assertThat(host.data().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    host.client.writeInt(CONFIG, COMMAND, 6);
    host.enableAgain();
    complete();
    assertThat(host.status(0)).isZero();
  }

  @Test
  void memorySpaceClear_registersAreNotThere() throws Exception {
    host.enable();
    int version = host.client.readInt(0, 8);
    host.client.writeInt(CONFIG, COMMAND, 4);
    assertThat(host.client.readInt(0, 8)).isEqualTo(-1);
    assertThat(host.client.readInt(TABLE, 0)).isEqualTo(-1);
    assertThat(pending()).isEqualTo(-1);
    host.client.writeInt(0, 0x14, 0);
    host.client.writeInt(TABLE, 0, 42);
    host.client.writeInt(CONFIG, COMMAND, 6);
    assertThat(host.client.readInt(0, 8)).isEqualTo(version);
    assertThat(host.client.readInt(TABLE, 0)).isZero();
    assertThat(host.client.readInt(0, CSTS)).as("still enabled").isEqualTo(1);
    complete();
  }

  @Test
  void powerDown_neitherRegistersNorMemory() throws Exception {
    host.enable();
    host.client.writeInt(CONFIG, POWER_STATE, 3);
    assertThat(host.client.readInt(0, 8)).isEqualTo(-1);
    host.identify(0);
    host.ring(0, 1);
    lookAtDoorbells();
    host.client.writeInt(CONFIG, POWER_STATE, 0);
    Served.await("the controller failed", () -> (host.client.readInt(0, CSTS) & FATAL) != 0);
    assertThat(host.data().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
  }
}
