package io.nvmedirect.vmtest.guest;

import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.ForwardingFunction;
import io.nvmedirect.queue.PciFunction;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A function between the driver and the real one. It counts the writes of doorbell registers, and it can have
 * the driver take some memory to be where nothing is mapped. One thread uses it.
 */
final class TamperedFunction extends ForwardingFunction implements DmaMapper {

  /** Far from what is mapped, and within what the IOMMU translates (39 bits). */
  static final long ASTRAY = 1L << 37;

  private final DmaMapper mapper;

  /** The next mapping that is led astray, counted down from 1; 0 for none. */
  private int countdown;

  private long doorbellWrites;

  TamperedFunction(PciFunction function) {
    super(function);
    mapper = function.dma();
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
    long iova = mapper.map(memory);
    return countdown > 0 && --countdown == 0 ? iova + ASTRAY : iova;
  }

  @Override
  public void unmap(long iova) {
    mapper.unmap(iova >= ASTRAY ? iova - ASTRAY : iova);
  }

  @Override
  public MemorySegment allocate(long lengthBytes, Arena arena) throws IOException {
    return mapper.allocate(lengthBytes, arena);
  }

  @Override
  public DmaMapper dma() {
    return this;
  }

  @Override
  public Doorbell doorbell(int offset) throws IOException {
    Doorbell register = super.doorbell(offset);
    return value -> {
      doorbellWrites++;
      register.ring(value);
    };
  }
}
