package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.command;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class QueueCommandsTest {

  private RawHost host;
  private RawHost.Queue admin;

  @BeforeEach
  void start() throws IOException {
    host = RawHost.open("mem:1MiB");
    host.enable(32);
    admin = host.admin();
  }

  @AfterEach
  void stop() {
    host.close();
  }

  @Test
  void createCq_refusesBadArguments() throws IOException {
    RawHost.Queue queue = host.new Queue(2, 16);
    assertThat(admin.refused(host.createCq(queue, 0).cdw(10, 15 << 16))).isEqualTo(0x101);
    assertThat(admin.refused(host.createCq(queue, 0).cdw(10, 15 << 16 | 65))).isEqualTo(0x101);
    assertThat(admin.refused(host.createCq(queue, 0).cdw(10, 2))).isEqualTo(0x102);
    assertThat(admin.refused(host.createCq(queue, 0).cdw(10, 4096 << 16 | 2))).isEqualTo(0x102);
    assertThat(admin.refused(host.createCq(queue, 0).cdw(11, 2))).as("PC=0").isEqualTo(0x002);
    assertThat(admin.refused(host.createCq(queue, 65))).isEqualTo(0x108);
    assertThat(admin.refused(host.createCq(queue, 0).prp(queue.cq.iova() + 8, 0))).isEqualTo(0x013);
    assertThat(admin.status(host.createCq(queue, 0).prp(0x10_0000, 0))).isEqualTo(0x004);
    assertThat(admin.status(host.createCq(queue, 0).cdw(10, 4095 << 16 | 2)))
        .as("longer than its memory")
        .isEqualTo(0x004);
    admin.ok(host.createCq(queue, 64));
    assertThat(admin.refused(host.createCq(queue, 0))).as("exists").isEqualTo(0x101);
  }

  @Test
  void createSq_refusesBadArguments() throws IOException {
    RawHost.Queue queue = host.new Queue(3, 16);
    assertThat(admin.refused(host.createSq(queue))).as("no CQ").isEqualTo(0x100);
    admin.ok(host.createCq(queue, 3));
    assertThat(admin.refused(host.createSq(queue).cdw(10, 15 << 16))).isEqualTo(0x101);
    assertThat(admin.refused(host.createSq(queue).cdw(10, 15 << 16 | 65))).isEqualTo(0x101);
    assertThat(admin.refused(host.createSq(queue).cdw(10, 3))).isEqualTo(0x102);
    assertThat(admin.refused(host.createSq(queue).cdw(10, 4096 << 16 | 3))).isEqualTo(0x102);
    assertThat(admin.refused(host.createSq(queue).cdw(11, 3 << 16))).as("PC").isEqualTo(0x002);
    assertThat(admin.refused(host.createSq(queue).cdw(11, 1))).as("CQID 0").isEqualTo(0x101);
    assertThat(admin.refused(host.createSq(queue).cdw(11, 65 << 16 | 1))).isEqualTo(0x101);
    assertThat(admin.refused(host.createSq(queue).prp(queue.sq.iova() + 64, 0))).isEqualTo(0x013);
    assertThat(admin.status(host.createSq(queue).prp(64 << 20, 0))).isEqualTo(0x004);
    admin.ok(host.createSq(queue));
    assertThat(admin.refused(host.createSq(queue))).as("exists").isEqualTo(0x101);
  }

  @Test
  void delete_keepsOrder() throws IOException {
    host.createQueue(1, 16, 1);
    assertThat(admin.refused(command(0x04).cdw(10, 1))).as("CQ in use").isEqualTo(0x10C);
    assertThat(admin.refused(command(0x04).cdw(10, 0))).isEqualTo(0x101);
    assertThat(admin.refused(command(0x04).cdw(10, 2))).isEqualTo(0x101);
    assertThat(admin.refused(command(0x00).cdw(10, 0))).isEqualTo(0x101);
    assertThat(admin.refused(command(0x00).cdw(10, 2))).isEqualTo(0x101);
    assertThat(admin.refused(command(0x00).cdw(10, 0xFFFF))).isEqualTo(0x101);
    admin.ok(command(0x00).cdw(10, 1));
    assertThat(admin.refused(command(0x00).cdw(10, 1))).isEqualTo(0x101);
    admin.ok(command(0x04).cdw(10, 1));
    host.createQueue(1, 16, 1);
    host.checkWorks();
  }

  @Test
  void create_allPairsOfTheLargestSizeWork() throws IOException {
    for (int id = 1; id <= 64; id++) {
      host.createQueue(id, id == 64 ? 4096 : 16, id);
    }
    RawHost.Buffer data = host.buffer(4096);
    for (int id = 1; id <= 64; id++) {
      host.queue(id).ok(RawHost.read(1, 0, 1, data));
    }
  }

  @Test
  void create_severalSqsShareACq() throws IOException {
    RawHost.Queue first = host.createQueue(1, 16, 1);
    RawHost.Queue second = host.new Queue(2, 16);
    admin.ok(host.createSq(second).cdw(11, 1 << 16 | 1));
    second.submit(command(0).nsid(1));
    RawHost.Completion completion = first.take();
    assertThat(completion.sqId()).isEqualTo(2);
    assertThat(admin.refused(command(0x04).cdw(10, 1))).isEqualTo(0x10C);
  }

  @Test
  void fewQueues_areAllThatIsAllocated() throws IOException {
    stop();
    host = RawHost.open("mem:1MiB?queues=2");
    host.enable(32);
    admin = host.admin();
    assertThat(admin.ok(command(0x0A).cdw(10, 7))).isEqualTo(0x0001_0001);
    assertThat(admin.ok(command(0x09).cdw(10, 7).cdw(11, 0x003F_003F))).isEqualTo(0x0001_0001);
    assertThat(admin.refused(host.createCq(host.new Queue(3, 16), 0))).isEqualTo(0x101);
    host.createQueue(1, 16, 1);
    host.createQueue(2, 16, 2);
    host.checkWorks();
  }

  @Test
  void fewVectors_areAllThatAQueueCanHave() throws IOException {
    stop();
    host = RawHost.open("mem:1MiB?vectors=2");
    host.enable(32);
    admin = host.admin();
    assertThat(admin.refused(host.createCq(host.new Queue(1, 16), 2))).isEqualTo(0x108);
    assertThat(admin.refused(command(0x09).cdw(10, 9).cdw(11, 2))).isEqualTo(0x002);
    admin.ok(command(0x09).cdw(10, 9).cdw(11, 1));
    host.createQueue(1, 16, 1);
    host.createQueue(2, 16, 1);
    host.checkWorks();
  }

  @Test
  void noVectors_queuesWithoutInterruptsOnly() throws IOException {
    stop();
    host = RawHost.open("mem:1MiB?vectors=0");
    host.enable(32);
    admin = host.admin();
    RawHost.Queue queue = host.new Queue(1, 16);
    assertThat(admin.refused(host.createCq(queue, 0))).isEqualTo(0x108);
    admin.ok(host.createCq(queue, 0).cdw(11, 1));
    admin.ok(host.createSq(queue));
    queue.ok(command(0).nsid(1));
  }

  @Test
  void numberOfQueues_limitsIdentifiers() throws IOException {
    assertThat(admin.ok(command(0x09).cdw(10, 7).cdw(11, 0x0001_0003))).isEqualTo(0x0001_0003);
    RawHost.Queue queue = host.new Queue(3, 16);
    assertThat(admin.refused(host.createCq(queue, 0))).isEqualTo(0x101);
    assertThat(admin.ok(command(0x09).cdw(10, 7).cdw(11, 0xFFFE_FFFE))).isEqualTo(0x003F_003F);
    host.createQueue(64, 16, 0);
    assertThat(admin.refused(command(0x09).cdw(10, 7).cdw(11, 0)))
        .as("Command Sequence Error")
        .isEqualTo(0x00C);
  }
}
