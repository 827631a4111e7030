package io.nvmedirect;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.queue.Doorbell;
import io.nvmedirect.queue.ForwardingFunction;
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
    return open(
        new WithoutReset(emulator) {
          @Override
          public int vectors() {
            return vectors;
          }

          @Override
          public InterruptVector vector(int index) {
            return opener.apply(index);
          }
        },
        options);
  }

  /** A device that cannot be reset but by its registers. */
  static NvmeDevice withoutFunctionReset(Emulator emulator, DeviceOptions options, Clock clock)
      throws IOException {
    return NvmeDevice.open("mem:", new RingTransport(new WithoutReset(emulator)), options, clock);
  }

  /** A device whose doorbell registers the test wraps. */
  static NvmeDevice withDoorbells(
      Emulator emulator, UnaryOperator<Doorbell> wrapper, DeviceOptions options)
      throws IOException {
    return open(
        new WithoutReset(emulator) {
          @Override
          public Doorbell doorbell(int offset) throws IOException {
            return wrapper.apply(super.doorbell(offset));
          }
        },
        options);
  }

  /** A device whose memory the test maps, and that cannot be reset but by its registers. */
  static NvmeDevice withDma(Emulator emulator, DmaMapper dma, DeviceOptions options)
      throws IOException {
    return open(
        new WithoutReset(emulator) {
          @Override
          public DmaMapper dma() {
            return dma;
          }
        },
        options);
  }

  private static NvmeDevice open(PciFunction function, DeviceOptions options) throws IOException {
    return NvmeDevice.open("mem:", new RingTransport(function), options);
  }

  private static class WithoutReset extends ForwardingFunction {

    WithoutReset(Emulator emulator) {
      super(emulator);
    }

    @Override
    public boolean reset() {
      return false;
    }
  }
}
