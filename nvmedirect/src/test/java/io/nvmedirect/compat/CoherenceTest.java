package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_SIZE;
import static io.nvmedirect.compat.LibNvmed.nvmed_feature_set;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_set;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

/** Whatever way data was written, every way reads it. */
@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD, Fixture.SHADOW})
class CoherenceTest extends Fixture {

  CoherenceTest(String address) {
    super(address);
  }

  @Test
  void everyWay_readsWhatEveryWayHasWritten() {
    NVMED_QUEUE queue = queue(0);
    NVMED_HANDLE[] handles = new NVMED_HANDLE[ALL.length];
    for (int i = 0; i < ALL.length; i++) {
      handles[i] = handle(queue, ALL[i]);
    }
    byte[] expected = onDevice(handles[0], 0, 32L * block);
    Random random = new Random(9);
    for (int i = 0; i < rounds(500); i++) {
      int blocks = 1 + random.nextInt(4);
      int at = random.nextInt(32 - blocks) * block;
      byte[] data = random(i, (long) blocks * block);
      NVMED_HANDLE writer = handles[random.nextInt(4)];
      assertThat(nvmed_pwrite(writer, MemorySegment.ofArray(data), data.length, at))
          .isEqualTo(data.length);
      System.arraycopy(data, 0, expected, at, data.length);
      NVMED_HANDLE reader = handles[random.nextInt(4)];
      assertThat(onDevice(reader, 0, expected.length)).isEqualTo(expected);
    }
  }

  @Test
  void partsOfBlocks_andDirectWrites_doNotLoseEachOther() {
    NVMED_HANDLE buffered = handle(0);
    NVMED_HANDLE direct = handle(DIRECT);
    byte[] part = random(1, 10);
    assertThat(nvmed_pwrite(direct, memory(block).fill((byte) 1), block, 0)).isEqualTo(block);
    assertThat(nvmed_pwrite(buffered, MemorySegment.ofArray(part), 10, 5)).isEqualTo(10);
    byte[] expected = new byte[block];
    Arrays.fill(expected, (byte) 1);
    System.arraycopy(part, 0, expected, 5, 10);
    assertThat(onDevice(direct, 0, block)).isEqualTo(expected);
    assertThat(nvmed_pwrite(direct, memory(block).fill((byte) 2), block, 0)).isEqualTo(block);
    assertThat(onDevice(buffered, 0, block)).containsOnly(2);
  }

  @Test
  void neighbouringBlocks_byManyThreadsInEveryWay_doNotLoseEachOther() throws InterruptedException {
    // The blocks of a page of the cache are different threads', and the cache is short of pages.
    assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, 3)).isEqualTo(3);
    int owners = 4;
    int blocks = 16;
    fill(handle(DIRECT), 0, (long) owners * blocks * block, 0);
    AtomicInteger wrong = new AtomicInteger();
    AtomicInteger ended = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < owners; t++) {
      int owner = t;
      NVMED_HANDLE handle = handle(ALL[t]);
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                Random random = new Random(owner);
                byte[][] expected = new byte[blocks][block];
                for (int i = 0; i < rounds(1500); i++) {
                  if (random.nextInt(8) == 0) {
                    boolean direct = random.nextBoolean();
                    nvmed_handle_feature_set(handle, HANDLE_DIRECT_IO, direct);
                  }
                  int index = random.nextInt(blocks);
                  long at = ((long) index * owners + owner) * block;
                  if (random.nextBoolean()) {
                    expected[index] = random(i, block);
                    MemorySegment data = MemorySegment.ofArray(expected[index].clone());
                    wrong.addAndGet(nvmed_pwrite(handle, data, block, at) == block ? 0 : 1);
                  } else if (!Arrays.equals(onDevice(handle, at, block), expected[index])) {
                    wrong.incrementAndGet();
                  }
                }
                ended.incrementAndGet();
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(wrong).hasValue(0);
    assertThat(ended).hasValue(owners);
  }
}
