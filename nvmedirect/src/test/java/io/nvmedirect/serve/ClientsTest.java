package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.Subsystem;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who is blamed for a fault; the test's thread is the server's. */
@Timeout(300)
class ClientsTest {

  private static final long LOOK_NS = TimeUnit.MILLISECONDS.toNanos(10);

  @TempDir Path directory;
  private Subsystem subsystem;
  private Clients clients;
  private NativeFile sealed;
  private NativeFile loose;

  @BeforeEach
  void open() throws IOException {
    subsystem = Subsystem.open(EmulatorOptions.parse("mem:1MiB"), Clock.SYSTEM);
    clients = new Clients(subsystem, Subsystem.Limits.NONE, RegionLimit.DEFAULT);
    sealed = NativeFile.inMemory("sealed", 4096);
    loose = NativeFile.create(directory.resolve("loose"));
    loose.truncate(4096);
  }

  @AfterEach
  void close() throws IOException {
    clients.close();
    subsystem.close();
    sealed.close();
    loose.close();
  }

  /** A client with a file as its memory. */
  private RawClient connect(String name, NativeFile memory) throws Exception {
    Path path = directory.resolve(name);
    clients.add(Listener.open(path));
    return serve(() -> {
      RawClient client = RawClient.greet(path);
      client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, 4096, 4096), memory.fd());
      return client;
    });
  }

  /** Serves while another thread is a client. */
  private <T> T serve(Callable<T> client) throws Exception {
    FutureTask<T> task = new FutureTask<>(client);
    Thread.ofPlatform().daemon().start(task);
    while (!task.isDone()) {
      clients.look(LOOK_NS);
    }
    return task.get();
  }

  private void fault() {
    clients.dropFaulty(new InternalError("made by a test"));
  }

  private void assertDropped(RawClient client, boolean dropped) throws Exception {
    if (dropped) {
      assertThat(serve(client::isDisconnected)).isTrue();
    } else {
      assertThat(serve(() -> client.readInt(0, 8))).isPositive();
    }
  }

  @Test
  void fault_fileIsWholeAgain_whoCanShortenOneIsDropped() throws Exception {
    try (RawClient bad = connect("bad", loose);
        RawClient good = connect("good", sealed)) {
      clients.poll(); // the good one was looked at last
      fault();
      assertDropped(bad, true);
      assertDropped(good, false);
    }
  }

  @Test
  void fault_severalCouldBeIt_whoWasLookedAtIsDropped() throws Exception {
    try (RawClient good = connect("good", loose);
        RawClient bad = connect("bad", loose)) {
      clients.isIdle(clients.connections().getLast());
      fault();
      assertDropped(bad, true);
      assertDropped(good, false);
    }
  }

  @Test
  void fault_shortenedFile_isTheReason() throws Exception {
    try (RawClient bad = connect("bad", loose)) {
      try (NativeFile other = NativeFile.create(directory.resolve("other"))) {
        other.truncate(4096);
        try (RawClient good = connect("good", other)) {
          clients.poll();
          loose.truncate(0);
          fault();
          assertDropped(bad, true);
          assertDropped(good, false);
        }
      }
    }
  }

  @Test
  void fault_nobodyCanShortenAFile_whoWasLookedAtIsDropped() throws Exception {
    try (RawClient good = connect("good", sealed);
        RawClient bad = connect("bad", sealed)) {
      clients.poll();
      fault();
      assertDropped(bad, true);
      assertDropped(good, false);
    }
  }

  /** So that it ends sometime. */
  @Test
  void fault_again_dropsSomebodyEachTime() throws Exception {
    try (RawClient one = connect("one", sealed);
        RawClient two = connect("two", sealed)) {
      fault();
      fault();
      assertDropped(one, true);
      assertDropped(two, true);
      assertThatThrownBy(this::fault).isInstanceOf(InternalError.class);
    }
  }
}
