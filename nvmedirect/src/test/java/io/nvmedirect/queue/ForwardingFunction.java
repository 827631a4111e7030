package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaMapper;
import java.io.IOException;

/** A function in front of another one, for tests that change a part of it. */
public class ForwardingFunction implements PciFunction {

  private final PciFunction function;

  protected ForwardingFunction(PciFunction function) {
    this.function = function;
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
    return function.doorbell(offset);
  }

  @Override
  public DmaMapper dma() {
    return function.dma();
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
  public boolean isLost() {
    return function.isLost();
  }

  @Override
  public void close() {
    function.close();
  }
}
