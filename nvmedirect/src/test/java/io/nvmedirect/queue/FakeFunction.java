package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.NvmeException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** A function whose memory is reached at fixed I/O virtual addresses and whose doorbells are noted. */
final class FakeFunction implements PciFunction, DmaMapper {

  record Rung(int offset, int value) {}

  final List<Rung> rung = new ArrayList<>();

  /** Offsets of the doorbells that reach a controller which sleeps, in the order of their being rung. */
  final List<Integer> announced = new ArrayList<>();

  final List<Long> unmapped = new ArrayList<>();
  private final NavigableMap<Long, MemorySegment> mappings = new TreeMap<>();

  /** No more memory can be mapped. */
  boolean refuses;

  private long nextIova = 0x10_0000;

  /** CAP. */
  long capabilities;

  @Override
  public int read32(int offset) {
    return 0;
  }

  @Override
  public long read64(int offset) {
    return capabilities;
  }

  @Override
  public void write32(int offset, int value) {}

  @Override
  public void write64(int offset, long value) {}

  @Override
  public Doorbell doorbell(int offset) {
    return value -> rung.add(new Rung(offset, value));
  }

  @Override
  public Doorbell announcedDoorbell(int offset) {
    return value -> {
      announced.add(offset);
      rung.add(new Rung(offset, value));
    };
  }

  @Override
  public DmaMapper dma() {
    return this;
  }

  @Override
  public int vectors() {
    return 0;
  }

  @Override
  public InterruptVector vector(int index) {
    throw new IndexOutOfBoundsException(index);
  }

  @Override
  public long map(MemorySegment memory) throws NvmeException {
    if (refuses) {
      throw new NvmeException("no more memory can be mapped");
    }
    long iova = nextIova + (memory.address() & 4095);
    nextIova += (memory.byteSize() + 8191) & -4096;
    mappings.put(iova, memory);
    return iova;
  }

  /** What is mapped, from an I/O virtual address on. */
  MemorySegment memory(long iova) {
    Map.Entry<Long, MemorySegment> mapping = mappings.floorEntry(iova);
    return mapping.getValue().asSlice(iova - mapping.getKey());
  }

  /** How many mappings there are. */
  int mapped() {
    return mappings.size();
  }

  @Override
  public void unmap(long iova) {
    mappings.remove(iova);
    unmapped.add(iova);
  }

  @Override
  public boolean reset() {
    return false;
  }

  @Override
  public void close() {}
}
