package io.nvmedirect.cli.bench;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One worker of a job: a thread that keeps a number of I/Os in flight. All that an I/O needs is made before the
 * first one, so that none allocates. The time of a completion is also the post time of the I/O that follows in
 * its slot: one reading of the clock each.
 *
 * <p>With a rate, an I/O is due at a moment that does not depend on the ones before it, and its latency is
 * counted from there too: a device that stalls does not hide the I/Os that it kept from being posted. Nor does a
 * stall at the end: what is in flight then is counted when it ends, and what was due and could not be posted with
 * the time that it has waited until then.
 */
final class Worker implements BlockIo.Listener {

  private enum Kind {
    READ,
    WRITE,
    FLUSH
  }

  /** Opens the engine for a worker. */
  @FunctionalInterface
  interface Opening {
    BlockIo open(BlockIo.Listener listener) throws IOException;
  }

  private static final long LONGEST_WAIT_NS = TimeUnit.MILLISECONDS.toNanos(10);

  /** A device of ours has deadlines of its own, which are shorter. */
  private static final long PATIENCE_NS = TimeUnit.MINUTES.toNanos(2);

  private static final int MOST_NOISE_BYTES = 1 << 20;
  private static final long SPIN_NS = TimeUnit.MICROSECONDS.toNanos(100);
  private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

  /** A rate far beyond the device leaves more overdue I/Os than are worth a look at each. */
  private static final long MOST_OVERDUE = 1_000_000;

  private final Job job;
  private final BlockIo io;
  private final Positions positions;
  private final SplittableRandom random;
  private final Measurement measurement;
  private final Clock clock;
  private final @Nullable CheckedBlocks checks;
  private final boolean reads;
  private final boolean writes;
  private final boolean batches;
  private final long limitBytes;

  // What each slot does.
  private final Kind[] kinds;
  private final int[] lengths;
  private final long[] where;
  private final long[] postedNs;
  private final long[] duesNs;

  private final int[] free;
  private int freeCount;
  private int inFlight;

  /** The slot whose I/O found no room, neither free nor in flight; -1 if there is none. */
  private int held = -1;

  private long fromNs;
  private long untilNs;
  private long dueNs;
  private long progressNs;
  private long begunBytes;
  private int writesSinceFlush;
  private int sinceThought;
  private int sincePoll;

  /** Nothing is begun until all in flight has ended, because of a flush or a pause. */
  private boolean quiescing;

  private boolean flushing;
  private boolean measuring;
  private boolean ended;
  private boolean readingBack;
  private long checkNext;

  /** When the time or the user ended the load; 0 if that was its last byte. */
  private long overdueUntilNs;

  private @Nullable IOException failure;
  private volatile boolean cancelled;

  /** For other threads; a plain count would do, but for when they see it. */
  private final AtomicLong published = new AtomicLong();

  /**
   * Opens the engine.
   *
   * @param depth I/Os in flight
   * @param positions of this worker
   * @param limitBytes after which it ends; {@link Long#MAX_VALUE} if only the time ends it
   * @param run a number that other runs do not have
   */
  Worker(
      Job job,
      int depth,
      Positions positions,
      long limitBytes,
      SplittableRandom random,
      Measurement measurement,
      long run,
      Opening opening)
      throws IOException {
    this.job = job;
    this.positions = positions;
    this.random = random;
    this.measurement = measurement;
    this.clock = measurement.clock();
    this.reads = job.pattern().workload().reads;
    this.writes = job.pattern().workload().writes;
    this.batches = job.target().engine() == Engine.NVMED;
    this.limitBytes = limitBytes;
    this.kinds = new Kind[depth];
    this.lengths = new int[depth];
    this.where = new long[depth];
    this.postedNs = new long[depth];
    this.duesNs = new long[depth];
    this.free = new int[depth];
    this.io = opening.open(this);
    for (int i = 0; i < depth; i++) {
      free[i] = depth - 1 - i;
      fill(i, random);
    }
    this.freeCount = depth;
    this.checks =
        job.verification() == Job.Verification.NONE
            ? null
            : new CheckedBlocks(
                run, job.pattern().blocks().least(), job.pattern().offset(), depth, io);
  }

  private void fill(int slot, SplittableRandom random) {
    MemorySegment buffer = io.buffer(slot);
    byte[] noise = new byte[(int) Math.min(buffer.byteSize(), MOST_NOISE_BYTES)];
    random.nextBytes(noise);
    for (long at = 0; at < buffer.byteSize(); at += noise.length) {
      long length = Math.min(noise.length, buffer.byteSize() - at);
      MemorySegment.copy(MemorySegment.ofArray(noise), 0, buffer, at, length);
    }
  }

  /**
   * Runs the load on this thread until it has ended, an I/O fails or {@link #cancel}, and closes the engine.
   *
   * @param from when the measurement begins, by the clock
   * @param until when it ends; far away if only the bytes are limited
   */
  void run(long from, long until) throws IOException {
    fromNs = from;
    untilNs = until;
    try {
      progressNs = clock.nowNs();
      dueNs = progressNs + job.pace().phaseNs();
      load();
      if (measuring) {
        finish(clock.nowNs());
      }
      if (failure == null && !cancelled && readsBack()) {
        readBack();
      }
    } finally {
      // What never ends may still write to its buffer.
      if (inFlight == 0) {
        io.close();
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private void load() throws IOException {
    while (!ended || inFlight > 0) {
      long nowNs = clock.nowNs();
      if (cancelled) {
        endAt(nowNs);
      }
      if (!measuring && nowNs >= fromNs) {
        measuring = true;
        begunBytes = 0;
        nowNs = measurement.begin();
      }
      beginFree(nowNs);
      if (inFlight > 0) {
        poll(freeCount > 0 && !ended ? untilDue(nowNs) : LONGEST_WAIT_NS, nowNs);
      } else if (!ended) {
        progressNs = nowNs;
        pause(untilDue(nowNs));
      }
      published.setRelease(
          measurement.reads.fromPostNs.getTotalCount()
              + measurement.writes.fromPostNs.getTotalCount());
    }
  }

  /** With a rate, the measurement lasts until nothing is in flight. */
  private void finish(long nowNs) {
    if (isPaced() && overdueUntilNs != 0) {
      countOverdue(nowNs);
    }
    measurement.end(isPaced() ? nowNs : Math.min(nowNs, untilNs));
  }

  /** What was due before the end and was never posted: without these, a stall at the end would not show. */
  private void countOverdue(long nowNs) {
    if (held >= 0) {
      measurement.overdue(kinds[held] == Kind.WRITE, nowNs - duesNs[held], 1);
    }
    double intervalNs = SECOND_NS / job.pace().iops();
    long count = (long) Math.ceil((overdueUntilNs - dueNs) / intervalNs);
    long step = Math.max(1, count / MOST_OVERDUE);
    for (long i = 0; i < count; i += step) {
      long waitedNs = nowNs - dueNs - (long) (i * intervalNs);
      measurement.overdue(isWrite(random.nextLong()), waitedNs, Math.min(step, count - i));
    }
  }

  private boolean isPaced() {
    return job.pace().iops() > 0;
  }

  private void poll(long waitNs, long nowNs) throws IOException {
    if (measuring && sincePoll > 0) {
      measurement.depths.submitted(sincePoll);
    }
    sincePoll = 0;
    int count = io.poll(waitNs);
    if (count > 0) {
      progressNs = nowNs;
      if (measuring) {
        measurement.depths.completed(count);
      }
    } else if (inFlight == 0) {
      progressNs = nowNs;
    } else if (nowNs - progressNs > PATIENCE_NS) {
      throw new IOException(
          "%s: none of %d I/Os in flight has ended for %d s"
              .formatted(job.name(), inFlight, TimeUnit.NANOSECONDS.toSeconds(PATIENCE_NS)));
    }
  }

  private long untilDue(long nowNs) {
    return Math.clamp(Math.min(dueNs - nowNs, untilNs - nowNs), 0, LONGEST_WAIT_NS);
  }

  private void pause(long ns) {
    if (ns > SPIN_NS) {
      clock.park(ns - SPIN_NS);
    } else {
      clock.spin();
    }
  }

  private void beginFree(long nowNs) {
    if (held >= 0 && !ended && post(held, nowNs)) {
      held = -1;
    }
    if (quiescing && inFlight == 0 && held < 0 && !ended) {
      afterQuiescence(nowNs);
    }
    while (freeCount > 0) {
      int slot = free[freeCount - 1];
      freeCount--;
      if (!begin(slot, nowNs)) {
        free[freeCount++] = slot;
        return;
      }
    }
  }

  /** Nothing is in flight: time for the flush, or the pause. */
  private void afterQuiescence(long nowNs) {
    if (job.fsyncEvery() > 0 && writesSinceFlush >= job.fsyncEvery()) {
      if (!flushing) {
        flushing = true;
        int slot = free[--freeCount];
        kinds[slot] = Kind.FLUSH;
        lengths[slot] = 0;
        duesNs[slot] = nowNs;
        if (!post(slot, nowNs)) {
          flushing = false;
          free[freeCount++] = slot;
        }
      }
      return;
    }
    quiescing = false;
    if (job.pace().thinkNs() > 0 && sinceThought >= job.pace().thinkBlocks()) {
      sinceThought = 0;
      dueNs = Math.max(dueNs, nowNs + job.pace().thinkNs());
    }
  }

  /** Takes a slot for the next I/O, and begins it if there is room; false if none may begin now. */
  private boolean begin(int slot, long nowNs) {
    if (readingBack) {
      return beginCheck(slot, nowNs);
    }
    if (nowNs >= untilNs) {
      endAt(untilNs);
    }
    // What was chosen, and the flush behind it, comes before the end by bytes.
    if (ended || quiescing || held >= 0) {
      return false;
    }
    ended = measuring && begunBytes >= limitBytes;
    if (ended || nowNs < dueNs) {
      return false;
    }
    choose(slot);
    duesNs[slot] = paced(nowNs);
    if (!post(slot, nowNs)) {
      held = slot;
    }
    return true;
  }

  private void endAt(long ns) {
    if (!ended) {
      ended = true;
      overdueUntilNs = ns;
    }
  }

  /** Chooses kind, length and position of the next I/O. */
  private void choose(int slot) {
    long bits = random.nextLong();
    int length = job.pattern().blocks().choose((int) bits);
    boolean write = isWrite(bits);
    kinds[slot] = write ? Kind.WRITE : Kind.READ;
    lengths[slot] = length;
    where[slot] = positions.next(length, write);
    begunBytes += length;
    if (write && job.fsyncEvery() > 0 && ++writesSinceFlush >= job.fsyncEvery()) {
      quiescing = true;
    }
    if (job.pace().thinkNs() > 0 && ++sinceThought >= job.pace().thinkBlocks()) {
      quiescing = true;
    }
  }

  private boolean isWrite(long bits) {
    return writes
        && (!reads || (int) (((bits >>> 32) * 100) >>> 32) >= job.pattern().readPercent());
  }

  /** When the I/O is due, and with it the one after. */
  private long paced(long nowNs) {
    Job.Pace pace = job.pace();
    if (!isPaced()) {
      return nowNs;
    }
    long due = dueNs;
    double intervalNs = SECOND_NS / pace.iops();
    dueNs += (long) (pace.poisson() ? -Math.log(1 - random.nextDouble()) * intervalNs : intervalNs);
    return due;
  }

  private boolean post(int slot, long nowNs) {
    int length = lengths[slot];
    long position = where[slot];
    postedNs[slot] = nowNs;
    try {
      if (kinds[slot] == Kind.WRITE && checks != null) {
        checks.fill(slot, length, position);
        postedNs[slot] = clock.nowNs();
      }
      boolean posted =
          switch (kinds[slot]) {
            case READ -> io.read(slot, length, position);
            case WRITE -> io.write(slot, length, position);
            case FLUSH -> io.flush(slot);
          };
      if (posted) {
        inFlight++;
        noteDepth(kinds[slot]);
      }
      return posted;
    } catch (IOException e) {
      fail(e);
      return false;
    }
  }

  /** This framework shows several I/Os to the device at once, in a poll; each other engine one at a time. */
  private void noteDepth(Kind kind) {
    if (!measuring || kind == Kind.FLUSH) {
      return;
    }
    measurement.depths.posted(inFlight);
    if (batches) {
      sincePoll++;
    } else {
      measurement.depths.submitted(1);
    }
  }

  private void fail(IOException reason) {
    ended = true;
    if (failure == null) {
      failure = reason;
    }
  }

  @Override
  public void completed(int slot) {
    long nowNs = clock.nowNs();
    inFlight--;
    if (measuring && !readingBack && (nowNs < untilNs || isPaced()) && postedNs[slot] >= fromNs) {
      account(slot, nowNs);
    }
    switch (kinds[slot]) {
      case READ -> check(slot);
      case WRITE -> {
        if (checks != null) {
          checks.written(lengths[slot], where[slot]);
        }
      }
      case FLUSH -> {
        flushing = false;
        writesSinceFlush = 0;
      }
    }
    if (!begin(slot, nowNs)) {
      free[freeCount++] = slot;
    }
  }

  private void account(int slot, long nowNs) {
    switch (kinds[slot]) {
      case READ -> measurement.read(lengths[slot], postedNs[slot], duesNs[slot], nowNs);
      case WRITE -> measurement.written(lengths[slot], postedNs[slot], duesNs[slot], nowNs);
      case FLUSH -> measurement.synced(postedNs[slot], nowNs);
    }
  }

  /** What others may be writing at the same time is checked at the end only. */
  private void check(int slot) {
    if (checks != null && (!writes || readingBack)) {
      try {
        checks.check(slot, lengths[slot], where[slot]);
      } catch (IOException e) {
        fail(e);
      }
    }
  }

  @Override
  public void failed(int slot, IOException reason) {
    inFlight--;
    fail(reason);
    free[freeCount++] = slot;
  }

  // ---- After the writes.

  private boolean readsBack() {
    return writes && job.verification() == Job.Verification.CRC32C_AFTER_WRITES;
  }

  /** Reads all that was written, in ascending order, unit by unit. */
  private void readBack() throws IOException {
    ended = false;
    if (held >= 0) {
      free[freeCount++] = held;
      held = -1;
    }
    quiescing = false;
    readingBack = true;
    checkNext = job.pattern().offset();
    while (!ended || inFlight > 0) {
      long nowNs = clock.nowNs();
      beginFree(nowNs);
      if (inFlight > 0) {
        poll(LONGEST_WAIT_NS, nowNs);
      }
      ended |= cancelled;
    }
  }

  private boolean beginCheck(int slot, long nowNs) {
    if (ended || checks == null) {
      return false;
    }
    long position = checks.nextWritten(checkNext);
    if (position < 0) {
      ended = true;
      return false;
    }
    kinds[slot] = Kind.READ;
    lengths[slot] = job.pattern().blocks().least();
    where[slot] = position;
    if (!post(slot, nowNs)) {
      return false;
    }
    checkNext = position + lengths[slot];
    return true;
  }

  // ---- For other threads.

  /** Ends the load early. */
  void cancel() {
    cancelled = true;
  }

  /** I/Os measured so far. */
  long measured() {
    return published.getAcquire();
  }

  /** What was measured, for a thread that has seen {@link #run} end. */
  Measurement measurement() {
    return measurement;
  }

  /** Blocks found right, for a thread that has seen {@link #run} end. */
  long checked() {
    return checks == null ? 0 : checks.checked();
  }

  /** Closes the engine, if {@link #run} is never called. */
  void discard() throws IOException {
    io.close();
  }
}
