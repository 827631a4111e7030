package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GeometryTest {

  private final Geometry geometry = new Geometry(1 << 20, 512);

  @ParameterizedTest
  @CsvSource({
    "0, 0, 1, 00000001",
    "0, 511, 513, 00000011",
    "0, 512, 1024, 00000010",
    "0, 0, 9000, 11111111",
    "1, 0, 9000, 11111111",
    "2, 0, 9000, 00000011",
    "1, 8191, 8192, 10000000",
    "1, 4608, 7680, 01111110"
  })
  void sectorMask_hasTheSectorsTouched(long page, long position, long end, String mask) {
    assertThat(geometry.sectorMask(page, position, end)).isEqualTo(Integer.parseInt(mask, 2));
  }

  @Test
  void sectorMask_ofLargeSectors_isOneBit() {
    assertThat(new Geometry(1 << 20, 4096).sectorMask(1, 5000, 5001)).isEqualTo(1);
    assertThat(new Geometry(1 << 20, 4096).sectorMask(1, 0, 1 << 20)).isEqualTo(1);
  }

  @Test
  void lowestRun_isTheLowestAdjacentOnes() {
    assertThat(Geometry.lowestRun(0b1011_0110)).isEqualTo(0b0000_0110);
    assertThat(Geometry.lowestRun(0b1111_1111)).isEqualTo(0b1111_1111);
    assertThat(Geometry.lowestRun(0b1000_0000)).isEqualTo(0b1000_0000);
    assertThat(geometry.runPosition(3, 0b0011_0000)).isEqualTo(3 * 4096 + 4 * 512);
    assertThat(geometry.runBytes(0b0011_0000)).isEqualTo(1024);
  }

  @Test
  void sectorStartAndEnd_enclose() {
    assertThat(geometry.sectorStart(1023)).isEqualTo(512);
    assertThat(geometry.sectorStart(1024)).isEqualTo(1024);
    assertThat(geometry.sectorEnd(1024)).isEqualTo(1024);
    assertThat(geometry.sectorEnd(1025)).isEqualTo(1536);
  }

  @ParameterizedTest
  @CsvSource({"0, 512", "-512, 512", "1000, 512", "512, 4096", "4096, 500", "8192, 8192", "0, 0"})
  void construction_ofImpossibleSizes_isRefused(long deviceBytes, int sectorBytes) {
    assertThatThrownBy(() -> new Geometry(deviceBytes, sectorBytes))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("sectorBytes=" + sectorBytes);
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 1",
    "0, -1",
    "1048576, 1",
    "1048577, 0",
    "0, 1048577",
    "9223372036854775807, 1",
    "1, 9223372036854775807",
    "9223372036854775807, 9223372036854775807",
    "-9223372036854775808, -9223372036854775808",
    "512, -9223372036854775808"
  })
  void checkRange_outsideTheDevice_namesTheValues(long position, long lengthBytes) {
    assertThatThrownBy(() -> geometry.checkRange(position, lengthBytes))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "position=%d, lengthBytes=%d, deviceBytes=1048576", position, lengthBytes);
  }
}
