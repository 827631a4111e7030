package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;

/** What the SMART / Health log counts, and the Error Information log. Owned by the engine. */
final class Health {

  static final int ERROR_ENTRIES = 64;

  /** The composite temperature never changes: 40 °C. */
  static final int TEMPERATURE_KELVIN = 313;

  static final int WARNING_KELVIN = 343;
  static final int CRITICAL_KELVIN = 353;

  /** An error as the log page has it. */
  record Entry(long count, int sqid, int cid, int status, int location, long lba, int nsid) {}

  /** {@link Entry#sqid} and {@link Entry#cid} of an error that belongs to no command. */
  static final int NO_COMMAND = 0xFFFF;

  private static final int NO_LOCATION = 0xFFFF;

  private final Entry[] errors = new Entry[ERROR_ENTRIES];
  private final Clock clock;
  private final long startedNs;
  long sectorsRead;
  long sectorsWritten;
  long readCommands;
  long writeCommands;
  long mediaErrors;
  long errorCount;
  long powerCycles = 1;
  long unsafeShutdowns;

  Health(Clock clock) {
    this.clock = clock;
    this.startedNs = clock.nanoTime();
  }

  /** Adds an entry to the Error Information log. */
  void error(int sqid, int cid, int status, long lba, int nsid) {
    // Made before it is counted, should there be no memory for it.
    Entry entry = new Entry(errorCount + 1, sqid, cid, status, NO_LOCATION, lba, nsid);
    errors[(int) (errorCount % ERROR_ENTRIES)] = entry;
    errorCount++;
  }

  /** How many entries the log has. */
  int errorEntries() {
    return (int) Math.min(errorCount, ERROR_ENTRIES);
  }

  /** An entry of the log, the newest first. */
  Entry error(int age) {
    return errors[(int) ((errorCount - 1 - age) % ERROR_ENTRIES)];
  }

  void read(long bytes) {
    readCommands++;
    sectorsRead += bytes >>> 9;
  }

  void wrote(long bytes) {
    writeCommands++;
    sectorsWritten += bytes >>> 9;
  }

  long powerOnHours() {
    return (clock.nanoTime() - startedNs) / 3_600_000_000_000L;
  }
}
