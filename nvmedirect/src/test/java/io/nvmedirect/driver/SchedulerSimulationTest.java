package io.nvmedirect.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Scheduler and window on the flash model, in virtual time: throughput by weight, and the latency of one
 * flow while another saturates the device.
 */
class SchedulerSimulationTest {

  private static final long WARM_UP_NS = 200_000_000;
  private static final long RUN_NS = 500_000_000;
  private static final int BLOCK = 4096;

  private final Emulator emulator;
  private final DmaBuffer buffer;

  SchedulerSimulationTest() throws IOException {
    emulator = Emulator.open(EmulatorOptions.parse("mem:4MiB"));
    buffer = DmaBuffer.allocate(emulator.dma(), 1 << 20);
  }

  @AfterEach
  void close() {
    buffer.close();
    emulator.close();
  }

  /** The device's controller takes 1.5 µs for a command, and moves 10 GB/s. */
  private Simulation simulation() {
    return new Simulation(new SimulatedPair(255, 1500, 0.1), buffer);
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 300, 1000})
  void throughput_followsWeights(int weight) {
    Simulation simulation = simulation();
    Simulation.Load heavy = simulation.load(Opcode.READ, BLOCK, 64);
    Simulation.Load light = simulation.load(Opcode.READ, BLOCK, 64);
    simulation.schedule(heavy, Flow.NORMAL, weight);
    simulation.schedule(light, Flow.NORMAL, 100);
    simulation.run(WARM_UP_NS, RUN_NS);
    assertThat(heavy.iops() / light.iops()).isCloseTo(weight / 100.0, within(weight / 10_000.0));
    // More than three quarters of what the device does at a depth of 64.
    assertThat(heavy.iops() + light.iops()).isGreaterThan(280_000);
  }

  @Test
  void throughput_followsWeightsInBytes() {
    Simulation simulation = simulation();
    Simulation.Load large = simulation.load(Opcode.READ, 32 * 1024, 64);
    Simulation.Load small = simulation.load(Opcode.READ, BLOCK, 128);
    simulation.schedule(large, Flow.NORMAL, 200);
    simulation.schedule(small, Flow.NORMAL, 100);
    simulation.run(WARM_UP_NS, RUN_NS);
    assertThat(large.megabytesPerSecond() / small.megabytesPerSecond()).isCloseTo(2, within(0.02));
  }

  @ParameterizedTest
  @CsvSource({"READ, 4096, 400", "READ, 131072, 1800", "WRITE, 4096, 1000", "WRITE, 131072, 1000"})
  void latencyClass_isHardlyDelayed(String operation, int lengthBytes, int leastMegabytes) {
    Simulation alone = simulation();
    Simulation.Load unloaded = alone.load(Opcode.READ, BLOCK, 1);
    alone.run(WARM_UP_NS, 4 * RUN_NS);

    Simulation simulation = simulation();
    Simulation.Load urgent = simulation.load(Opcode.READ, BLOCK, 1);
    int opcode = operation.equals("READ") ? Opcode.READ : Opcode.WRITE;
    Simulation.Load batch = simulation.load(opcode, lengthBytes, 128);
    simulation.schedule(urgent, Flow.LATENCY, 100);
    simulation.schedule(batch, Flow.BATCH, 100);
    simulation.run(WARM_UP_NS, 4 * RUN_NS);
    assertThat(urgent.percentileNs(99)).isLessThan(2 * unloaded.percentileNs(99));
    assertThat(batch.megabytesPerSecond()).isGreaterThan(leastMegabytes);
  }

  @Test
  void withoutClasses_latencyIsSeveralTimesAsHigh() {
    Simulation simulation = simulation();
    Simulation.Load one = simulation.load(Opcode.READ, BLOCK, 1);
    simulation.load(Opcode.READ, 131_072, 128);
    simulation.run(WARM_UP_NS, RUN_NS);
    assertThat(one.percentileNs(99)).isGreaterThan(1_000_000);
  }
}
