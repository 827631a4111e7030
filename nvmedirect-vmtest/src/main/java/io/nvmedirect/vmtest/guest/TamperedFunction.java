package io.nvmedirect.vmtest.guest;

import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.PciFunction;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A function between the driver and the real one. It counts the writes of doorbell registers, and it can have
 * the driver take some memory to be where nothing is mapped. One thread uses it.
 */
final class TamperedFunction implements PciFunction, DmaMapper {

  /** Far from what is mapped, and within what the IOMMU translates (39 bits). */
  static final long ASTRAY = 1L << 37;

  private final PciFunction function;

  /** The next mapping that is led astray, counted down from 1; 0 for none. */
  private int countdown;

  private long doorbellWrites;

  TamperedFunction(PciFunction function) {
    this.function = function;
  }

  /** Misleads about one mapping that is made from now on, the first or a later one. */
  void mislead(int which) {
    countdown = which;
  }

  /** Writes of doorbell registers so far. */
  long doorbellWrites() {
    return doorbellWrites;
  }

  @Override
  public long map(MemorySegment memory) throws IOException {
    long iova = function.dma().map(memory);
    return countdown > 0 && --countdown == 0 ? iova + ASTRAY : iova;
  }

  @Override
  public void unmap(long iova) {
    function.dma().unmap(iova >= ASTRAY ? iova - ASTRAY : iova);
  }

  @Override
  public MemorySegment allocate(long lengthBytes, Arena arena) throws IOException {
    return function.dma().allocate(lengthBytes, arena);
  }

  @Override
  public DmaMapper dma() {
    return this;
  }

  @Override
  public int read32(int offset) throws IOException {
    return function.read32(offset);
  }

  @Override
  public long read64(int offset) throws IOException {
    return function.read64(offset);
  }

  @Override
  public void write32(int offset, int value) throws IOException {
    function.write32(offset, value);
  }

  @Override
  public void write64(int offset, long value) throws IOException {
    function.write64(offset, value);
  }

  @Override
  public Doorbell doorbell(int offset) throws IOException {
    Doorbell register = function.doorbell(offset);
    return value -> {
      doorbellWrites++;
      register.ring(value);
    };
  }

  @Override
  public int vectors() throws IOException {
    return function.vectors();
  }

  @Override
  public InterruptVector vector(int index) throws IOException {
    return function.vector(index);
  }

  @Override
  public boolean reset() throws IOException {
    return function.reset();
  }

  @Override
  public void close() {
    function.close();
  }
}
