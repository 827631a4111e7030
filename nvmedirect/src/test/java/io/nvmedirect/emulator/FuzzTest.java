package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static io.nvmedirect.emulator.RawHost.read;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random commands, doorbells and registers. To replay a failure, run its seed again: the message has
 * it. The second namespace holds a pattern that no command may touch.
 */
class FuzzTest {

  private static final int ROUNDS = 60;
  private static final int COMMANDS = 400;
  private static final int PROTECTED = 2;

  @ParameterizedTest
  @CsvSource({
    "1, mem:1MiB?ns=2&mode=inline&shadow=on",
    "2, mem:1MiB?ns=2&mode=inline&lba=4096&mdts=0",
    "3, mem:1MiB?ns=2&mode=thread&shadow=on",
    "6, mem:1MiB?ns=2&mode=thread",
    "4, mem:1MiB?ns=2&model=flash",
    "5, mem:1MiB?ns=2&model=null",
  })
  void host_canDoNoHarm(long seed, String address) throws IOException {
    Random random = new Random(seed);
    try (RawHost host = RawHost.open(address)) {
      host.enable(64);
      host.createQueue(1, 64, 1);
      RawHost.Buffer pattern = host.buffer(4096).pattern(5);
      RawHost.Buffer data = host.buffer(64 << 10);
      int last = (int) host.identify(0, PROTECTED).u64(0) - 1;
      for (int block = 0; block <= last; block += last) {
        host.io().ok(RawHost.write(PROTECTED, block, 1, pattern));
      }
      boolean stores = !address.contains("null");
      for (int round = 0; round < ROUNDS; round++) {
        String replay = "seed=%d, round=%d".formatted(seed, round);
        fuzz(random, host, data);
        recover(host, stores, replay);
        assertThat(host.device.defect()).as(replay).isNull();
        for (int block = 0; stores && block <= last; block += last) {
          host.io().ok(read(PROTECTED, block, 1, data.fill(0)));
          assertThat(data.memory().asSlice(0, 512).mismatch(pattern.memory().asSlice(0, 512)))
              .as(replay)
              .isEqualTo(-1);
        }
      }
    }
  }

  private static void fuzz(Random random, RawHost host, RawHost.Buffer data) {
    RawHost.Queue[] queues = {host.admin(), host.io()};
    for (int i = 0; i < COMMANDS; i++) {
      RawHost.Queue queue = queues[random.nextInt(4) == 0 ? 0 : 1];
      queue.post(randomCommand(random, queue.id == 0, data), random.nextInt(65536));
      if (random.nextInt(3) != 0) {
        queue.ring();
        while (queue.hasCompletion()) {
          queue.take();
        }
        queue.ringHead();
      }
      if (random.nextInt(40) == 0) {
        host.device.write32(0x1000 + 4 * random.nextInt(1024), random.nextInt());
      }
      if (random.nextInt(40) == 0) {
        host.device.write32(0x1000 + 4 * random.nextInt(6), random.nextInt(80) - 8);
      }
      if (random.nextInt(500) == 0) {
        host.device.write32(random.nextInt(0x40), random.nextInt());
      }
    }
  }

  /** Mostly near to valid: random bytes alone would be refused at the first check. */
  private static RawHost.Command randomCommand(Random random, boolean admin, RawHost.Buffer data) {
    int[] opcodes =
        admin
            ? new int[] {0, 1, 2, 4, 5, 6, 8, 9, 0xA, 0xC, 0x7C, 0x80}
            : new int[] {0, 1, 2, 4, 5, 8, 9, 0xC};
    RawHost.Command command = command(0);
    random.nextBytes(command.bytes);
    command.bytes[0] = (byte) random.nextInt(256);
    if (random.nextInt(8) != 0) {
      command.bytes[0] = (byte) opcodes[random.nextInt(opcodes.length)];
      command.flags(random.nextInt(6) == 0 ? random.nextInt(256) : random.nextInt(2) << 6);
      command.nsid(random.nextInt(4) == 0 ? 0 : 1);
    }
    if (random.nextInt(3) != 0) {
      long address = data.iova() + random.nextInt(16) * 512L;
      long second = random.nextBoolean() ? data.iova() + 8192 : randomSecond(random);
      command.prp(address, second);
    }
    if (random.nextInt(2) == 0) {
      for (int dword = 10; dword < 16; dword++) {
        command.cdw(dword, random.nextInt(3) == 0 ? 0 : random.nextInt(64));
      }
    } else if (!admin && random.nextBoolean()) {
      command.blocks(random.nextInt(1100), 1 + random.nextInt(64));
    }
    avoidProtected(command, admin);
    return command;
  }

  private static long randomSecond(Random random) {
    return (long) random.nextInt(5) << 60 | random.nextInt(2048);
  }

  /** Commands may name any namespace but the protected one, and Format not all of them. */
  private static void avoidProtected(RawHost.Command command, boolean admin) {
    int nsid =
        java.lang.foreign.MemorySegment.ofArray(command.bytes)
            .get(java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED, 4);
    boolean formatsAll = admin && (command.bytes[0] & 0xFF) == 0x80 && nsid == RawHost.ALL;
    if (nsid == PROTECTED || formatsAll) {
      command.nsid(1);
    }
  }

  /** Whatever has happened, a reset brings the controller back. */
  private static void recover(RawHost host, boolean stores, String replay) throws IOException {
    try {
      host.configure(RawHost.ENABLE);
      host.configure(RawHost.ENABLE & ~1);
      RawHost.await("a reset", () -> (host.device.read32(RawHost.CSTS) & ~0x10) == 0);
      host.device.write32(RawHost.CSTS, 0x10);
      host.awaitStatus(0);
      host.enable(64);
      host.createQueue(1, 64, 1);
      host.admin().ok(command(0x80).nsid(1).cdw(10, host.identify(0, PROTECTED).u8(26)));
      host.io().ok(command(0).nsid(1));
      if (stores) {
        host.checkWorks();
      }
    } catch (AssertionError e) {
      throw new AssertionError(replay + ": " + e.getMessage(), e);
    }
  }
}
