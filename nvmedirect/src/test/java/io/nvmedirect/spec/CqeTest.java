package io.nvmedirect.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** Golden bytes of a completion queue entry (NVMe 1.4, figures 122 to 125). */
class CqeTest {

  /** LBA Out of Range with DNR, phase 1, CID 1234h, SQ 5, SQ head 678, DW0 0000CAFEh. */
  private static final String GOLDEN = "feca0000" + "00000000" + "a6020500" + "34120181";

  @Test
  void publish_isTheSpecificationsBytes() {
    MemorySegment entry = Bytes.structure(Cqe.BYTES, 0, "ff".repeat(16));
    Cqe.publish(entry, 0, 0xCAFE, 678, 5, 0x1234, Status.DNR | Status.LBA_OUT_OF_RANGE, 1);
    assertThat(Bytes.hex(entry)).isEqualTo(GOLDEN);
  }

  @Test
  void fields_readTheSpecificationsBytes() {
    MemorySegment entry = Bytes.structure(Cqe.BYTES, 0, GOLDEN);
    int dw3 = Cqe.dw3(entry, 0);
    assertThat(Cqe.phase(dw3)).isEqualTo(1);
    assertThat(Cqe.commandId(dw3)).isEqualTo(0x1234);
    assertThat(Cqe.status(dw3)).isEqualTo(Status.DNR | Status.LBA_OUT_OF_RANGE);
    assertThat(Cqe.result(entry, 0)).isEqualTo(0xCAFE);
    assertThat(Cqe.sqHead(entry, 0)).isEqualTo(678);
    assertThat(Cqe.sqId(entry, 0)).isEqualTo(5);
  }
}
