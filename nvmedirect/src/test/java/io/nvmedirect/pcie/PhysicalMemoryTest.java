package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.nvmedirect.linux.HugePageReserve;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Memory for devices without an IOMMU. It takes reserved huge pages, and root to see physical addresses, so
 * this runs in the virtual machine.
 */
@Tag("vm")
class PhysicalMemoryTest {

  private static final int PAGE = 4096;
  private static final int HUGE = 2 << 20;
  private static final int RESERVED = 6;

  private final PhysicalMemory memory = new PhysicalMemory();
  private final List<DmaBuffer> buffers = new ArrayList<>();
  private HugePageReserve reserve;

  @BeforeEach
  void reserve() throws IOException {
    reserve = new HugePageReserve(RESERVED);
  }

  /** Whatever a test has done, not a page is lost. */
  @AfterEach
  void allGoesBack() throws IOException {
    try (HugePageReserve held = reserve) {
      memory.close();
      buffers.forEach(DmaBuffer::close);
      assertThat(HugePageReserve.free()).as("of %s", held).isEqualTo(RESERVED);
    }
  }

  private DmaBuffer allocate(long lengthBytes) throws IOException {
    DmaBuffer buffer = DmaBuffer.allocate(memory, lengthBytes);
    buffers.add(buffer);
    return buffer;
  }

  /** What the kernel says, read without the code under test: entry of 8 bytes a page, frame in bits 0-54. */
  private static long physical(long address) throws IOException {
    try (RandomAccessFile map = new RandomAccessFile("/proc/self/pagemap", "r")) {
      map.seek(address / PAGE * Long.BYTES);
      long entry = Long.reverseBytes(map.readLong());
      assertThat(entry).as("present").isNegative();
      return (entry & 0x7f_ffff_ffff_ffffL) * PAGE + address % PAGE;
    }
  }

  private static void assertContiguousAndPhysical(DmaBuffer buffer) throws IOException {
    for (long at = 0; at < buffer.byteSize(); at += PAGE) {
      assertThat(buffer.iova(at)).isEqualTo(physical(buffer.segment().address() + at)).isPositive();
    }
  }

  /** AssertJ looks at each byte by itself, which takes long for many. */
  private static boolean isAll(MemorySegment segment, int value) {
    byte[] expected = new byte[(int) segment.byteSize()];
    Arrays.fill(expected, (byte) value);
    return segment.mismatch(MemorySegment.ofArray(expected)) == -1;
  }

  @Test
  void smallBuffers_shareAHugePage() throws IOException {
    DmaBuffer first = allocate(PAGE);
    DmaBuffer second = allocate(3 * PAGE);
    assertThat(HugePageReserve.free()).isEqualTo(RESERVED - 1);
    assertThat(first.iova(0) / HUGE).isEqualTo(second.iova(0) / HUGE);
    assertContiguousAndPhysical(first);
    assertContiguousAndPhysical(second);
    allocate(HUGE - 4 * PAGE);
    assertThat(HugePageReserve.free()).as("the page is full").isEqualTo(RESERVED - 1);
    allocate(PAGE);
    assertThat(HugePageReserve.free()).isEqualTo(RESERVED - 2);
  }

  @Test
  void hugeBuffer_isContiguousAndPhysical() throws IOException {
    DmaBuffer buffer = allocate(HUGE);
    assertThat(buffer.iova(0) % HUGE).isZero();
    assertContiguousAndPhysical(buffer);
    assertThat(isAll(buffer.segment(), 0)).isTrue();
  }

  /** Whichever it is depends on which pages the kernel has; each has to be true. */
  @Test
  void largerBuffers_areContiguousOrRefused() throws IOException {
    for (int i = 0; i < RESERVED / 2; i++) {
      long free = HugePageReserve.free();
      try {
        DmaBuffer buffer = allocate(HUGE + PAGE);
        assertThat(HugePageReserve.free()).isEqualTo(free - 2);
        assertThat(buffer.byteSize()).isEqualTo(HUGE + PAGE);
        assertContiguousAndPhysical(buffer);
        assertThat(isAll(buffer.segment(), 0)).isTrue();
        buffer.segment().fill((byte) 1);
        buffer.close();
        assertThat(HugePageReserve.free()).as("goes back at once").isEqualTo(free);
        allocate(HUGE); // so that the next attempt meets other pages
      } catch (NvmeException e) {
        assertThat(e).hasMessageContaining(2 * HUGE + " bytes of contiguous memory cannot be had");
        assertThat(HugePageReserve.free()).as("nothing is kept").isEqualTo(free);
        allocate(HUGE);
      }
    }
  }

  /** Takes a page twice if the table has a mistake; each buffer carries its own number on every page. */
  @Test
  void randomBuffers_areZeroAndNeverOverlap() throws IOException {
    Random random = new Random(11);
    List<DmaBuffer> live = new ArrayList<>();
    List<Byte> marks = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      if (live.size() > 20 || (!live.isEmpty() && random.nextInt(3) == 0)) {
        int which = random.nextInt(live.size());
        DmaBuffer gone = live.remove(which);
        assertThat(isAll(gone.segment(), marks.remove(which))).as("its own mark").isTrue();
        gone.close();
      } else {
        DmaBuffer made = DmaBuffer.allocate(memory, (1 + random.nextInt(40)) * (long) PAGE);
        buffers.add(made);
        assertThat(isAll(made.segment(), 0)).as("zero").isTrue();
        assertThat(made.iova(0)).isEqualTo(physical(made.segment().address()));
        for (DmaBuffer other : live) {
          assertThat(
                  made.iova(0) + made.byteSize() <= other.iova(0)
                      || other.iova(0) + other.byteSize() <= made.iova(0))
              .as("%s beside %s", made, other)
              .isTrue();
        }
        byte mark = (byte) (1 + random.nextInt(127));
        made.segment().fill(mark);
        live.add(made);
        marks.add(mark);
      }
    }
    // 21 buffers of up to 40 pages: two pages of 512 and a bit that is fragmented.
    assertThat(HugePageReserve.free())
        .as("pages are used again")
        .isGreaterThanOrEqualTo(RESERVED - 3);
  }

  @Test
  void closedBuffer_isUsedAgain_asZeroes() throws IOException {
    DmaBuffer first = allocate(2 * PAGE);
    DmaBuffer beside = allocate(PAGE);
    beside.segment().fill((byte) 3);
    first.segment().fill((byte) 1);
    long iova = first.iova(0);
    first.close();
    DmaBuffer again = allocate(2 * PAGE);
    assertThat(again.iova(0)).isEqualTo(iova);
    assertThat(isAll(again.segment(), 0)).isTrue();
    assertThat(isAll(beside.segment(), 3)).isTrue();
    assertThatThrownBy(() -> first.segment().get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  /** The address that a large buffer had may be in the midst of another one. */
  @Test
  void addressesOfClosedLargeBuffers_areForgotten() throws IOException {
    int made = 0;
    for (int i = 0; i < 8; i++) {
      DmaBuffer buffer;
      try {
        buffer = allocate((2 + i % 2) * (long) HUGE);
      } catch (NvmeException e) {
        assertThat(e).hasMessageContaining("contiguous memory cannot be had");
        continue;
      }
      MemorySegment end = buffer.segment().asSlice(buffer.byteSize() - PAGE);
      assertThat(memory.map(end)).isEqualTo(buffer.iova(buffer.byteSize() - PAGE));
      buffer.close();
      assertThatThrownBy(() -> memory.map(end)).isInstanceOf(NvmeException.class);
      made++;
    }
    assumeTrue(made > 0, "no two of the huge pages that the kernel gave are neighbours");
  }

  @Test
  void noHugePageFree_saysSo_andNothingIsLost() throws IOException {
    for (int i = 0; i < RESERVED; i++) {
      allocate(HUGE);
    }
    assertThatThrownBy(() -> allocate(PAGE))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("not enough huge pages are free: needed=1")
        .hasMessageContaining("/proc/sys/vm/nr_hugepages");
    assertThatThrownBy(() -> allocate(3L * HUGE + 1))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("needed=4 of 2 MiB");
    buffers.getFirst().close();
    assertContiguousAndPhysical(allocate(PAGE));
  }

  @Test
  void foreignMemory_isRefused() throws IOException {
    DmaBuffer own = allocate(PAGE);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment foreign = arena.allocate(PAGE, PAGE);
      assertThat(memory.canMap(foreign)).isFalse();
      assertThat(memory.canMap(own.segment())).as("it is mapped already").isFalse();
      assertRefused(foreign);
    }
    assertRefused(Arena.ofAuto().allocate(PAGE, PAGE));
    assertRefused(MemorySegment.ofArray(new byte[PAGE]));
    assertRefused(at(own.segment().address() + HUGE, PAGE));
    assertRefused(at(own.segment().address(), HUGE + PAGE));
    assertThat(memory.map(own.segment().asSlice(100, 200))).isEqualTo(own.iova(100));
  }

  @SuppressWarnings("restricted") // nobody looks at what is there
  private static MemorySegment at(long address, int lengthBytes) {
    return MemorySegment.ofAddress(address).reinterpret(lengthBytes);
  }

  private void assertRefused(MemorySegment foreign) {
    assertThatThrownBy(() -> memory.map(foreign))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining("only memory that it has allocated");
  }

  @Test
  void close_withALiveBuffer_harmsNothing() throws IOException {
    DmaBuffer live = allocate(PAGE);
    DmaBuffer beside = allocate(PAGE);
    allocate(HUGE).close();
    assertThat(HugePageReserve.free()).as("kept for the next").isEqualTo(RESERVED - 2);
    memory.close();
    memory.close();
    assertThat(HugePageReserve.free()).as("unused pages go back").isEqualTo(RESERVED - 1);
    live.segment().fill((byte) 9);
    assertThat(live.iova(0)).isEqualTo(physical(live.segment().address()));
    assertThatThrownBy(() -> allocate(PAGE))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the device is closed");
    assertThatThrownBy(() -> memory.map(live.segment()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the device is closed");
    beside.close();
    assertThat(isAll(live.segment(), 9)).isTrue();
    live.close();
    assertThat(HugePageReserve.free()).as("the last one gives it back").isEqualTo(RESERVED);
  }
}
