package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class ConfigSpaceTest {

  private final ConfigSpace space = new ConfigSpace(65);

  private String hex(int offset, int length) {
    ByteBuffer to = ByteBuffer.allocate(length);
    space.read(offset, to);
    return HexFormat.of().formatHex(to.array());
  }

  private int word(int offset) {
    ByteBuffer to = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    space.read(offset, to);
    return to.getInt(0);
  }

  private boolean write(int offset, int bytes, int value) {
    ByteBuffer from = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(0, value);
    return space.write(offset, from.limit(bytes));
  }

  @Test
  void header_isThatOfAnNvmeController() {
    // Vendor, device, command with memory space, status with a list of capabilities; revision,
    // class 01 08 02.
    assertThat(hex(0x00, 16)).isEqualTo("f41af010" + "02001000" + "01020801" + "00000000");
    // BAR0 in memory, 64 bits; BAR2 and 3 not there; BAR4 and 5 in memory, 32 bits.
    assertThat(hex(0x10, 24)).isEqualTo("0400000000000000" + "0000000000000000" + "00".repeat(8));
    // CardBus; subsystem; expansion ROM; list; reserved; no interrupt pin.
    assertThat(hex(0x28, 24))
        .isEqualTo("00000000" + "f41af010" + "00000000" + "40000000" + "00000000" + "00000000");
  }

  @Test
  void capabilities_formAList() {
    // Power management version 3, not reset on the way from D3hot to D0.
    assertThat(hex(0x40, 8)).isEqualTo("01500300" + "08000000");
    // MSI-X: 65 vectors, off; the table is in BAR4, the pending bits in BAR5.
    assertThat(hex(0x50, 12)).isEqualTo("11604000" + "04000000" + "05000000");
    // PCI Express version 2, endpoint; function level reset, role-based error reporting.
    assertThat(hex(0x60, 12)).isEqualTo("10000200" + "00800010" + "10280000");
    assertThat(hex(0x6c, 8)).isEqualTo("11000000" + "00001100");
  }

  @Test
  void extendedSpace_isZero() {
    assertThat(hex(0x100, ConfigSpace.BYTES - 0x100)).matches("0*");
  }

  @Test
  void bars_allOnes_sayTheirSize() {
    for (int bar = 0x10; bar <= 0x24; bar += 4) {
      write(bar, 4, -1);
    }
    assertThat(hex(0x10, 24))
        .isEqualTo("04e0ffffffffffff" + "0000000000000000" + "00e0ffff" + "00f0ffff");
    write(0x10, 4, 0xfebd0000);
    assertThat(word(0x10)).isEqualTo(0xfebd0004);
  }

  @Test
  void command_keepsWhatMayBeWritten() {
    write(0x04, 2, 0x0404);
    assertThat(word(0x04)).isEqualTo(0x00100404);
    write(0x04, 4, -1);
    assertThat(word(0x04)).as("no I/O space, and the status stays").isEqualTo(0x00100546);
  }

  @Test
  void msix_enable_isKept_tableSizeIsNotWritten() {
    write(0x52, 2, 0xffff);
    assertThat(word(0x50)).isEqualTo(0xc0406011);
  }

  @Test
  void identity_isReadOnly() {
    String before = hex(0, 4) + hex(0x08, 4) + hex(0x2c, 12);
    for (int offset = 0; offset < 0x40; offset += 4) {
      write(offset, 4, 0x5a5a5a5a);
    }
    assertThat(hex(0, 4) + hex(0x08, 4) + hex(0x2c, 12)).isEqualTo(before);
  }

  @Test
  void powerState_hasD0AndD3_othersAreDiscarded() {
    write(0x44, 2, 1);
    assertThat(word(0x44)).isEqualTo(8);
    write(0x44, 2, 3);
    assertThat(word(0x44)).isEqualTo(8 | 3);
    write(0x44, 2, 2);
    assertThat(word(0x44)).isEqualTo(8 | 3);
    write(0x44, 2, 0);
    assertThat(word(0x44)).isEqualTo(8);
  }

  @Test
  void write_initiateFunctionLevelReset_asksForIt() {
    assertThat(write(0x68, 2, 0x2810)).isFalse();
    assertThat(write(0x68, 2, 0xa810)).isTrue();
    assertThat(word(0x68) & 0x8000).as("reads as 0").isZero();
  }

  @Test
  void reset_isAsAtThePowerOn() {
    String before = hex(0, ConfigSpace.BYTES);
    space.write(0, ByteBuffer.wrap(HexFormat.of().parseHex("ff".repeat(ConfigSpace.BYTES))));
    assertThat(hex(0, ConfigSpace.BYTES)).isNotEqualTo(before);
    space.reset();
    assertThat(hex(0, ConfigSpace.BYTES)).isEqualTo(before);
  }

  @Test
  void withoutVectors_hasNoMsix() {
    ConfigSpace none = new ConfigSpace(0);
    ByteBuffer list = ByteBuffer.allocate(2);
    none.read(0x40, list);
    assertThat(list.array()).containsExactly(0x01, 0x60);
    ByteBuffer bars = ByteBuffer.allocate(8);
    none.write(0x20, ByteBuffer.wrap(HexFormat.of().parseHex("ff".repeat(8))));
    none.read(0x20, bars);
    assertThat(bars.array()).containsOnly(0);
  }
}
