package io.nvmedirect;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.InterruptVector;
import io.nvmedirect.queue.PciFunction;
import io.nvmedirect.queue.RingTransport;
import java.io.IOException;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;

/** Devices that something is wrong with, for tests of other packages. */
public final class FaultyDevice {

  private FaultyDevice() {}

  /** An emulator for {@link #open} and {@link #withVectors}. */
  public static Emulator emulator(String address) throws IOException {
    return Emulator.open(EmulatorOptions.parse(address));
  }

  /** A device on an emulator that the test injects faults into. */
  public static NvmeDevice open(String address, Emulator emulator, DeviceOptions options)
      throws IOException {
    return NvmeDevice.open(address, new RingTransport(emulator), options);
  }

  /** A device with few interrupt vectors, whose waiters the test makes. */
  static NvmeDevice withVectors(
      Emulator emulator, int vectors, IntFunction<InterruptVector> opener, DeviceOptions options)
      throws IOException {
    PciFunction function =
        new Wrapper(emulator, vectors, opener, doorbell -> doorbell, emulator.dma());
    return NvmeDevice.open("mem:", new RingTransport(function), options);
  }

  /** A device that cannot be reset but by its registers. */
  static NvmeDevice withoutFunctionReset(Emulator emulator, DeviceOptions options)
      throws IOException {
    return withVectors(emulator, emulator.vectors(), emulator::vector, options);
  }

  /** A device whose doorbell registers the test wraps. */
  static NvmeDevice withDoorbells(
      Emulator emulator, UnaryOperator<Doorbell> wrapper, DeviceOptions options)
      throws IOException {
    PciFunction function =
        new Wrapper(emulator, emulator.vectors(), emulator::vector, wrapper, emulator.dma());
    return NvmeDevice.open("mem:", new RingTransport(function), options);
  }

  /** A device whose memory the test maps, and that cannot be reset but by its registers. */
  static NvmeDevice withDma(Emulator emulator, DmaMapper dma, DeviceOptions options)
      throws IOException {
    PciFunction function =
        new Wrapper(emulator, emulator.vectors(), emulator::vector, doorbell -> doorbell, dma);
    return NvmeDevice.open("mem:", new RingTransport(function), options);
  }

  private record Wrapper(
      Emulator emulator,
      int vectors,
      IntFunction<InterruptVector> opener,
      UnaryOperator<Doorbell> wrapper,
      DmaMapper dma)
      implements PciFunction {

    @Override
    public int read32(int offset) {
      return emulator.read32(offset);
    }

    @Override
    public long read64(int offset) {
      return emulator.read64(offset);
    }

    @Override
    public void write32(int offset, int value) {
      emulator.write32(offset, value);
    }

    @Override
    public void write64(int offset, long value) {
      emulator.write64(offset, value);
    }

    @Override
    public Doorbell doorbell(int offset) {
      return wrapper.apply(emulator.doorbell(offset));
    }

    @Override
    public InterruptVector vector(int index) {
      return opener.apply(index);
    }

    @Override
    public boolean reset() {
      return false;
    }

    @Override
    public void close() {
      emulator.close();
    }
  }
}
