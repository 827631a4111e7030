package io.nvmedirect.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Bytes as NVMe 1.4 has them, section 4.4, figures 112, 114 and 117. */
class SglTest {

  private final MemorySegment memory = Arena.ofAuto().allocate(64, 8);

  private String hex(long offset, long length) {
    byte[] bytes = memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    return HexFormat.ofDelimiter(" ").formatHex(bytes);
  }

  @Test
  void descriptor_ofADataBlock_hasType0() {
    memory.fill((byte) 0xFF);
    Sgl.descriptor(memory, 16, 0x0123_4567_89AB_CDEFL, 0x0020_1003, Sgl.DATA_BLOCK);
    assertThat(hex(16, 16)).isEqualTo("ef cd ab 89 67 45 23 01 03 10 20 00 00 00 00 00");
    assertThat(hex(0, 16)).isEqualTo("ff ".repeat(15) + "ff");
    assertThat(hex(32, 16)).isEqualTo("ff ".repeat(15) + "ff");
  }

  @Test
  void descriptor_ofTheLastSegment_hasType3() {
    Sgl.descriptor(memory, 0, 0x1_0000_2000L, 32, Sgl.LAST_SEGMENT);
    assertThat(hex(0, 16)).isEqualTo("00 20 00 00 01 00 00 00 20 00 00 00 00 00 00 30");
  }

  @Test
  void entry_withAnSgl_saysSoInPsdt() {
    Sqe.read(memory, 0, 1, 0x11, 8, 0);
    Sqe.setCommandId(memory, 0, 0x0102);
    Sqe.setSgl(memory, 0, 0x1_0000_2000L, 48, Sgl.LAST_SEGMENT);
    assertThat(hex(0, 4)).as("opcode, PSDT 01b, CID").isEqualTo("02 40 02 01");
    assertThat(hex(24, 16)).isEqualTo("00 20 00 00 01 00 00 00 30 00 00 00 00 00 00 30");
    Sqe.read(memory, 0, 1, 0x11, 8, 0);
    assertThat(hex(0, 4)).as("the next command there").isEqualTo("02 00 00 00");
  }
}
