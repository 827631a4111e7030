package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.memory.DmaBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Offsets above 4 GiB and lengths above 2 GiB, on memory that is only there where it is written. */
class LargeDeviceTest {

  private static final long GIB = 1L << 30;

  @ParameterizedTest
  @DeviceAddresses({"mem:1TiB", "mem:1TiB?lba=4096&mode=thread"})
  void offsets_beyond32Bits_areKeptApart(String address) throws IOException {
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(4096)) {
      long size = device.sizeBytes();
      DeviceTraits.assumeSize(device, 9 * GIB, "no offset has more than 32 bits");
      long[] positions = {0, 2 * GIB, 4 * GIB, 8 * GIB + 4096, size - 4096};
      for (int i = 0; i < positions.length; i++) {
        buffer.segment().fill((byte) (i + 1));
        handle.write(buffer.segment(), positions[i]);
      }
      for (int i = 0; i < positions.length; i++) {
        handle.read(buffer.segment(), positions[i]);
        assertThat(TestData.bytes(buffer.segment())).containsOnly(i + 1);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mem:5GiB", "mem:5GiB?lba=4096"})
  void lengths_beyond2GiB_areOneCall(String address) throws IOException {
    long length = 2 * GIB + (1 << 20);
    try (NvmeDevice device = NvmeDevice.open(address);
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(length)) {
      MemorySegment mark = MemorySegment.ofArray(new byte[4096]).fill((byte) 7);
      long first = 2 * GIB;
      handle.write(mark, first);
      handle.write(mark, first + 2 * GIB);
      handle.write(mark, first + length - 4096);
      handle.read(buffer.segment(), first);
      for (long at : new long[] {0, 2 * GIB, length - 4096}) {
        assertThat(TestData.bytes(buffer.segment().asSlice(at, 4096))).containsOnly(7);
      }
      assertThat(buffer.segment().get(ValueLayout.JAVA_BYTE, GIB)).isZero();
      handle.writeZeroes(first, length);
      handle.discard(first, length);
      handle.read(buffer.segment().asSlice(0, 4096), first + 2 * GIB);
      assertThat(TestData.bytes(buffer.segment().asSlice(0, 4096))).containsOnly(0);
    }
  }
}
