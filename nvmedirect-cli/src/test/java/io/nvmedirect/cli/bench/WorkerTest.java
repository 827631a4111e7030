package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.nvmedirect.cli.bench.ScriptedIo.Begun;
import io.nvmedirect.cli.bench.ScriptedIo.Kind;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
final class WorkerTest {

  private static final int BLOCK = 4096;
  private static final int BLOCKS = 256;
  private static final long HOUR_NS = TimeUnit.HOURS.toNanos(1);
  private static final long MS_NS = TimeUnit.MILLISECONDS.toNanos(1);

  private final ScriptedIo io = new ScriptedIo(BLOCKS * BLOCK);
  private final SplittableRandom random = new SplittableRandom(11);
  private final SteppedClock clock = new SteppedClock();

  private Worker worker(String... lines) throws IOException {
    return worker(Jobs.of(lines));
  }

  private Worker worker(Job job) throws IOException {
    long size = (long) BLOCKS * BLOCK;
    long bytes = job.span().bytes() > 0 ? job.span().bytes() : size;
    return new Worker(
        job,
        job.depth(),
        new Positions(job.pattern(), size, 0, 1, random.split()),
        job.span().timeBased() ? Long.MAX_VALUE : bytes,
        random.split(),
        new Measurement(job.pace().iops() > 0, TimeUnit.MILLISECONDS.toNanos(100), 2, clock),
        42,
        listener -> io.open(job.depth(), job.pattern().blocks().most(), listener));
  }

  private Worker run(String... lines) throws IOException {
    Worker worker = worker(lines);
    long now = clock.nowNs();
    worker.run(now, now + HOUR_NS);
    assertThat(io.closed).isEqualTo(1);
    assertThat(io.flying).isEmpty();
    return worker;
  }

  private long[] positions(Kind kind) {
    return io.begun(kind).stream().mapToLong(Begun::position).toArray();
  }

  private static long[] eachBlock() {
    return LongStream.range(0, BLOCKS).map(block -> block * BLOCK).toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 32})
  void run_anyOrderOfCompletions_keepsTheDepthAndDoesEachOnce(int depth) throws IOException {
    io.next = random::nextInt;
    io.endsAPoll = Math.max(1, depth / 2);
    Worker worker = run("rw=randread", "iodepth=" + depth);
    assertThat(positions(Kind.READ)).containsExactlyInAnyOrder(eachBlock());
    assertThat(io.begun).allMatch(begun -> begun.inFlight() < depth);
    assertThat(io.begun.stream().mapToInt(Begun::inFlight).max()).hasValue(depth - 1);
    assertThat(worker.measurement().reads.fromPostNs.getTotalCount()).isEqualTo(BLOCKS);
    assertThat(worker.measurement().reads.bytes).isEqualTo((long) BLOCKS * BLOCK);
    assertThat(worker.measurement().writes.fromPostNs.getTotalCount()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 8})
  void run_withoutRoom_triesAgainAndLosesNone(int room) throws IOException {
    io.refused = begun -> begun.inFlight() >= room || random.nextInt(3) == 0;
    io.next = random::nextInt;
    Worker worker = run("rw=randwrite", "iodepth=8");
    assertThat(positions(Kind.WRITE)).containsExactlyInAnyOrder(eachBlock());
    assertThat(io.refusals).isPositive();
    assertThat(worker.measurement().writes.fromPostNs.getTotalCount()).isEqualTo(BLOCKS);
  }

  @Test
  void run_lastIoWithoutRoom_isDone() throws IOException {
    io.refused = begun -> io.refusals < 3 && io.begun.size() == 9;
    run("rw=write", "iodepth=4", "io_size=40k");
    assertThat(io.refusals).isEqualTo(3);
    assertThat(io.begun).hasSize(10);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 8})
  void run_fsync_flushesWithNothingInFlight(int depth) throws IOException {
    io.next = random::nextInt;
    io.refused = begun -> random.nextInt(4) == 0;
    Worker worker = run("rw=randwrite", "iodepth=" + depth, "fsync=4", "io_size=80k");
    assertThat(io.begun).hasSize(20 + 5);
    for (int i = 0; i < io.begun.size(); i++) {
      Begun begun = io.begun.get(i);
      assertThat(begun.kind()).as("%d", i).isEqualTo(i % 5 == 4 ? Kind.FLUSH : Kind.WRITE);
      if (begun.kind() == Kind.FLUSH) {
        assertThat(begun.inFlight()).isZero();
      }
    }
    assertThat(io.begun.stream().filter(begun -> begun.inFlight() == 0)).hasSizeGreaterThan(9);
    assertThat(worker.measurement().syncsNs.getTotalCount()).isEqualTo(5);
  }

  @Test
  void run_fsyncOfReads_flushesNever() throws IOException {
    run("rw=randread", "iodepth=4", "fsync=1", "io_size=40k");
    assertThat(io.begun(Kind.FLUSH)).isEmpty();
    assertThat(io.begun).hasSize(10);
  }

  @Test
  void run_thinkTime_pausesWithNothingInFlight() throws IOException {
    long began = clock.nowNs();
    run("rw=read", "iodepth=4", "thinktime=2ms", "thinktime_blocks=3", "io_size=48k");
    assertThat(clock.nowNs() - began).isBetween(6 * MS_NS, 7 * MS_NS);
    assertThat(io.begun.stream().map(Begun::inFlight))
        .containsExactly(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2);
  }

  @Test
  void run_ioSize_transfersThatAndNoBlockMore() throws IOException {
    Worker worker = run("rw=write", "iodepth=32", "bs=8k", "io_size=100k");
    assertThat(worker.measurement().writes.bytes).isEqualTo(13 * 8192);
    assertThat(io.begun).hasSize(13);
  }

  @Test
  void run_ioFails_waitsForThoseInFlightAndSaysWhy() {
    io.endsAPoll = 1;
    io.failing = ended -> io.ended.size() == 10;
    assertThatIOException()
        .isThrownBy(() -> run("rw=randread", "iodepth=8", "time_based", "runtime=1h"))
        .withMessage("scripted failure at position " + io.ended.get(9).position());
    assertThat(io.begun).hasSize(17);
    assertThat(io.ended).hasSize(17);
    assertThat(io.closed).isEqualTo(1);
  }

  @Test
  void cancel_waitsForThoseInFlight() throws IOException {
    Worker worker = worker("rw=randread", "iodepth=8", "time_based", "runtime=1h");
    io.endsAPoll = 1;
    io.beforePoll =
        () -> {
          if (io.ended.size() == 20) {
            worker.cancel();
          }
        };
    long now = clock.nowNs();
    worker.run(now, now + HOUR_NS);
    assertThat(io.flying).isEmpty();
    assertThat(io.closed).isEqualTo(1);
    assertThat(io.begun).hasSizeBetween(20, 40);
  }

  @Test
  void cancel_beforeTheRun_beginsNothing() throws IOException {
    Worker worker = worker("rw=randwrite", "iodepth=8", "time_based", "runtime=1h");
    worker.cancel();
    long now = clock.nowNs();
    worker.run(now, now + HOUR_NS);
    assertThat(io.begun).isEmpty();
    assertThat(io.closed).isEqualTo(1);
  }

  @Test
  void run_mixed_hasItsShareOfReads() throws IOException {
    Worker worker = run("rw=randrw", "rwmixread=70", "iodepth=4", "io_size=40000k");
    assertThat(worker.measurement().reads.fromPostNs.getTotalCount()).isBetween(6800L, 7200L);
    assertThat(
            worker.measurement().reads.fromPostNs.getTotalCount()
                + worker.measurement().writes.fromPostNs.getTotalCount())
        .isEqualTo(10_000);
  }

  @Test
  void run_ramp_isNotCounted() throws IOException {
    Worker worker = worker("rw=randread", "iodepth=4", "io_size=40k");
    long now = clock.nowNs();
    worker.run(now + TimeUnit.MILLISECONDS.toNanos(20), now + HOUR_NS);
    long counted = worker.measurement().reads.fromPostNs.getTotalCount();
    assertThat(counted).isBetween(10L, 14L);
    assertThat(io.begun).hasSizeGreaterThan((int) counted);
  }

  @Test
  void run_rateAndAStall_countsTheWaitOfThoseBehindIt() throws IOException {
    long stallNs = TimeUnit.MILLISECONDS.toNanos(400);
    boolean[] stalled = {false};
    io.beforePoll =
        () -> {
          if (!stalled[0] && io.ended.size() >= 20) {
            stalled[0] = true;
            clock.park(stallNs);
          }
        };
    Worker worker = run("rw=randread", "iodepth=1", "rate_iops=1000", "io_size=2400k");
    Measurement.Direction reads = worker.measurement().reads;
    assertThat(reads.fromPostNs.getTotalCount()).isEqualTo(600);
    assertThat(reads.fromDueNs.getTotalCount()).isEqualTo(600);
    // One I/O was in the stall; some 400 were due in it, half of them for longer than half of it.
    long halfNs = stallNs / 2;
    assertThat(reads.fromPostNs.getCountBetweenValues(halfNs, HOUR_NS)).isEqualTo(1);
    assertThat(reads.fromDueNs.getCountBetweenValues(halfNs, HOUR_NS)).isBetween(198L, 202L);
    assertThat(reads.fromDueNs.getMaxValue())
        .isGreaterThanOrEqualTo(reads.fromPostNs.getMaxValue());
  }

  /** A device that stalls shortly before the end, until long after it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 8})
  void run_rateAndAStallAtTheEnd_countsWhatIsInFlightAndWhatIsOverdue(int depth)
      throws IOException {
    Worker worker =
        worker("rw=randread", "iodepth=" + depth, "rate_iops=1000", "time_based", "runtime=1h");
    long[] stall = new long[3];
    io.beforePoll =
        () -> {
          long now = clock.nowNs();
          if (stall[0] == 0 && stall[2] - now < 400 * MS_NS) {
            stall[0] = now;
            clock.park(stall[2] + 101 * MS_NS - now);
            stall[1] = clock.nowNs();
          }
        };
    long from = clock.nowNs();
    long until = from + 600 * MS_NS;
    stall[2] = until;
    worker.run(from, until);
    Measurement.Direction reads = worker.measurement().reads;
    long posted = reads.fromPostNs.getTotalCount();
    long stalledNs = stall[1] - stall[0];
    // One each millisecond was due, whether it was posted or not.
    assertThat(reads.fromDueNs.getTotalCount()).isBetween(598L, 602L);
    assertThat(posted).isEqualTo(io.begun.size()).isLessThan(598);
    assertThat(reads.fromPostNs.getMaxValue()).isGreaterThan(stalledNs * 99 / 100);
    assertThat(reads.fromDueNs.getMaxValue()).isGreaterThan(stalledNs * 99 / 100);
    // All that were due in the stall have waited since then, for 100 ms after the end too.
    long overdue = reads.fromDueNs.getCountBetweenValues(100 * MS_NS, HOUR_NS);
    assertThat(overdue).isBetween((until - stall[0]) / MS_NS - 2, (until - stall[0]) / MS_NS + 2);
    assertThat(worker.measurement().endNs() - until).isGreaterThanOrEqualTo(100 * MS_NS);
  }

  @Test
  void run_rateFarBeyondTheDevice_countsTheOverdueInTheirDirections() throws IOException {
    Worker worker =
        worker("rw=randrw", "rwmixread=75", "rate_iops=75g,25g", "time_based", "runtime=1h");
    io.endsAPoll = 1;
    long from = clock.nowNs();
    worker.run(from, from + TimeUnit.MILLISECONDS.toNanos(20));
    double reads = worker.measurement().reads.fromDueNs.getTotalCount();
    double writes = worker.measurement().writes.fromDueNs.getTotalCount();
    // 2 ^ 30 times a hundred in a second.
    assertThat(reads + writes).isBetween(2.1e9, 2.2e9);
    assertThat(reads / (reads + writes)).isBetween(0.74, 0.76);
  }

  @Test
  void run_phase_delaysTheFirst() throws IOException {
    Job.Pace pace = Jobs.of("rate_iops=10").pace();
    assertThat(pace.shared(0, 4)).isEqualTo(new Job.Pace(2.5, false, 0, 1, 0));
    assertThat(pace.shared(3, 4)).isEqualTo(new Job.Pace(2.5, false, 0, 1, 300_000_000));
    assertThat(Jobs.of().pace().shared(3, 4).phaseNs()).isZero();
    Job job = Jobs.of("rw=read", "rate_iops=10", "number_ios=1");
    Worker worker = worker(job.with(pace.shared(3, 4)));
    long from = clock.nowNs();
    worker.run(from, from + HOUR_NS);
    assertThat(clock.nowNs() - from).isBetween(300 * MS_NS, 301 * MS_NS);
    assertThat(io.begun).hasSize(1);
  }

  @Test
  void run_rate_keepsTo() throws IOException {
    long began = clock.nowNs();
    run("rw=randread", "iodepth=8", "rate_iops=1000", "number_ios=101");
    assertThat(clock.nowNs() - began).isBetween(100 * MS_NS, 101 * MS_NS);
    assertThat(io.begun).hasSize(101);
  }

  // ---- Checked data.

  @Test
  void run_verify_readsBackWhatWasWritten() throws IOException {
    io.next = random::nextInt;
    io.refused = begun -> random.nextInt(5) == 0;
    Worker worker = run("rw=randwrite", "iodepth=8", "verify=crc32c", "io_size=400k");
    assertThat(io.begun(Kind.WRITE)).hasSize(100);
    assertThat(positions(Kind.READ)).isSorted().containsExactlyInAnyOrder(positions(Kind.WRITE));
    assertThat(worker.checked()).isEqualTo(100);
    assertThat(worker.measurement().reads.fromPostNs.getTotalCount()).isZero();
  }

  @Test
  void run_verifyAndBlocksOfSeveralSizes_checksEachUnit() throws IOException {
    Worker worker =
        run("rw=randwrite", "iodepth=4", "verify=crc32c", "bssplit=512/50:4k/50", "io_size=200k");
    assertThat(worker.checked()).isPositive().isEqualTo(io.begun(Kind.READ).size());
    assertThat(io.begun(Kind.READ)).allMatch(read -> read.lengthBytes() == 512);
  }

  @Test
  void run_verifyAndALostWrite_isFound() {
    io.lost = write -> io.ended.size() == 50;
    assertThatIOException()
        .isThrownBy(() -> run("rw=randwrite", "iodepth=8", "verify=crc32c"))
        .withMessageContaining("at position " + io.ended.get(49).position() + " ")
        .withMessageContaining("no header");
  }

  @Test
  void run_verifyAndALostWriteOverAnOlderRun_isFound() throws IOException {
    CheckedBlocks older = new CheckedBlocks(41, BLOCK, 0, 1, io.open(1, BLOCK, NOBODY));
    for (long position : eachBlock()) {
      older.fill(0, BLOCK, position);
      MemorySegment.copy(io.buffer(0), 0, io.memory, position, BLOCK);
    }
    io.lost = write -> io.ended.size() == 50;
    assertThatIOException()
        .isThrownBy(() -> run("rw=randwrite", "iodepth=8", "verify=crc32c"))
        .withMessageContaining("at position " + io.ended.get(49).position() + " ")
        .withMessageContaining("older than this run");
  }

  private static final BlockIo.Listener NOBODY =
      new BlockIo.Listener() {
        @Override
        public void completed(int slot) {}

        @Override
        public void failed(int slot, IOException reason) {}
      };
}
