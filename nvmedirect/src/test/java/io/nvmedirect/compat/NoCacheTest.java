package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.NVMED_NO_CACHE;
import static io.nvmedirect.compat.LibNvmed.nvmed_pread;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

/** A device without a cache, and handles that are not direct. */
@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NoCacheTest extends Fixture {

  NoCacheTest(String address) {
    super(address, NVMED_NO_CACHE);
  }

  @Test
  void buffered_anyAlignment_onlyWhatIsWrittenChanges() {
    for (int flags : new int[] {0, HANDLE_SYNC_IO}) {
      NVMED_HANDLE handle = handle(flags);
      byte[] expected = onDevice(handle, 0, 40_000);
      Random random = new Random(flags);
      for (int i = 0; i < rounds(100); i++) {
        int from = random.nextInt(expected.length);
        byte[] data = random(i, random.nextInt(expected.length - from));
        System.arraycopy(data, 0, expected, from, data.length);
        assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(data), data.length, from))
            .isEqualTo(data.length);
      }
      assertThat(onDevice(handle, 0, expected.length)).isEqualTo(expected);
      int blocks = 40_000 / block * block;
      assertThat(onDevice(handle(DIRECT), 0, blocks)).isEqualTo(Arrays.copyOf(expected, blocks));
    }
  }

  @Test
  void buffered_isOnTheDeviceWhenItReturns() throws IOException {
    NVMED_HANDLE handle = handle(0);
    long written = object(nvmed).smart().hostWriteCommands().longValue();
    assertThat(nvmed_write(handle, memory(10), 10)).isEqualTo(10);
    assertThat(object(nvmed).smart().hostWriteCommands().longValue()).isEqualTo(written + 1);
  }

  @Test
  void buffered_atTheEnd_isShort() {
    NVMED_HANDLE handle = handle(0);
    assertThat(nvmed_pwrite(handle, memory(100), 100, size - 3)).isEqualTo(3);
    assertThat(nvmed_pread(handle, memory(100), 100, size - 3)).isEqualTo(3);
    assertThat(nvmed_pread(handle, memory(100), 100, size)).isZero();
    assertFails(nvmed_pwrite(handle, memory(100), 100, size));
  }

  @Test
  void partsOfOneBlock_byManyThreads_areAllThere() throws InterruptedException {
    int count = 8;
    int length = block / count;
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < count; t++) {
      int index = t;
      NVMED_HANDLE handle = handle(t % 2 == 0 ? 0 : HANDLE_SYNC_IO);
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                for (int i = 1; i <= 100; i++) {
                  MemorySegment part = memory(length).fill((byte) i);
                  assertThat(nvmed_pwrite(handle, part, length, (long) index * length))
                      .isEqualTo(length);
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(onDevice(handle(DIRECT), 0, block)).containsOnly(100);
  }
}
