package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.FaultInjector;
import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Opcode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The limit of locked memory is met at any mapping: what was mapped before it is given back. */
@Tag("emulator")
@Timeout(300)
class MappingFailureTest {

  private static final String ADDRESS = "mem:4MiB?shadow=on";

  /** Mappings of an emulator, of which all from a certain one on fail. */
  private static final class LimitedMapper implements DmaMapper {

    private final DmaMapper mapper;
    private final Set<Long> mapped = new HashSet<>();
    private int left;

    LimitedMapper(Emulator emulator, int left) {
      this.mapper = emulator.dma();
      this.left = left;
    }

    @Override
    public boolean canMap(MemorySegment memory) {
      return mapper.canMap(memory);
    }

    @Override
    public synchronized long map(MemorySegment memory) throws IOException {
      if (left == 0) {
        throw new NvmeException("no more memory can be locked");
      }
      left--;
      long iova = mapper.map(memory);
      mapped.add(iova);
      return iova;
    }

    @Override
    public synchronized void unmap(long iova) {
      assertThat(mapped.remove(iova)).isTrue();
      mapper.unmap(iova);
    }
  }

  @Test
  void open_mappingFails_nothingStaysMapped() throws IOException {
    int allowed = 0;
    boolean opened = false;
    while (!opened) {
      Emulator emulator = FaultyDevice.emulator(ADDRESS);
      LimitedMapper mapper = new LimitedMapper(emulator, allowed);
      try (NvmeDevice device =
          FaultyDevice.withDma(
              emulator, mapper, DeviceOptions.defaults().withCachePages(1).withLazyCache(false))) {
        opened = true;
        assertThat(device.blockBytes()).isEqualTo(512);
      } catch (NvmeException e) {
        assertThat(e).hasMessageContaining("no more memory can be locked");
      }
      assertThat(mapper.mapped).as("after %d mappings", allowed).isEmpty();
      allowed++;
    }
    // The rings of the admin queue, its PRP lists and its scratch page, at least.
    assertThat(allowed).isGreaterThan(4);
  }

  @Test
  void createQueue_mappingFails_nothingStaysMapped() throws IOException {
    Emulator emulator = FaultyDevice.emulator(ADDRESS);
    LimitedMapper mapper = new LimitedMapper(emulator, Integer.MAX_VALUE);
    try (NvmeDevice device = FaultyDevice.withDma(emulator, mapper, DeviceOptions.defaults())) {
      Set<Long> before = Set.copyOf(mapper.mapped);
      for (int allowed = 0; allowed < 3; allowed++) {
        mapper.left = allowed;
        assertThatThrownBy(() -> device.createQueue(QueueOption.INTERRUPT))
            .isInstanceOf(NvmeException.class)
            .hasMessageContaining("no more memory can be locked");
        assertThat(mapper.mapped).as("after %d mappings", allowed).isEqualTo(before);
      }
      mapper.left = 3;
      device.createQueue(QueueOption.INTERRUPT).close();
      assertThat(mapper.mapped).isEqualTo(before);
    }
    assertThat(mapper.mapped).isEmpty();
  }

  /** A controller that hangs over the creation of a queue has its rings, and may write to them. */
  @Test
  void createQueue_controllerCannotBeDisabled_itsMemoryStays() throws IOException {
    Emulator emulator = FaultyDevice.emulator(ADDRESS);
    LimitedMapper mapper = new LimitedMapper(emulator, Integer.MAX_VALUE);
    DeviceOptions options = DeviceOptions.defaults().withCommandTimeout(Duration.ofMillis(200));
    try (NvmeDevice device = FaultyDevice.withDma(emulator, mapper, options)) {
      int before = mapper.mapped.size();
      emulator.inject((sqid, opcode, nsid, slba, blocks) ->
          sqid == 0 && opcode == Opcode.CREATE_IO_CQ ? FaultInjector.HANG : FaultInjector.NONE);
      assertThatThrownBy(device::createQueue).isInstanceOf(NvmeException.class);
      assertThat(mapper.mapped).hasSize(before + 3);
    }
  }
}
