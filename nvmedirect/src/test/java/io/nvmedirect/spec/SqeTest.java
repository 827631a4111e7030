package io.nvmedirect.spec;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.transport.AdminCommands;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Golden bytes of each command, written down from the figures of NVMe 1.4: common fields from figure
 * 105, the rest from the section of the command.
 */
class SqeTest {

  private static final String ZERO_16 = "00".repeat(16);

  /** CDW0, NSID, 16 bytes (CDW2–3, MPTR), DPTR 16 bytes, CDW10–15. */
  private static String entry(String cdw0, String nsid, String... cdw10on) {
    StringBuilder hex = new StringBuilder(cdw0 + nsid + ZERO_16 + ZERO_16);
    for (int i = 0; i < 6; i++) {
      hex.append(i < cdw10on.length ? cdw10on[i] : "00000000");
    }
    return hex.toString();
  }

  private static Arguments command(String name, AdminCommands.Encoder encoder, String golden) {
    return Arguments.of(name, encoder, golden);
  }

  static Stream<Arguments> commands() {
    return Stream.of(
        command(
            "Read (6.9)",
            (r, o) -> Sqe.read(r, o, 1, 0x1122334455667788L, 8, 0),
            entry("02000000", "01000000", "88776655", "44332211", "07000000")),
        command(
            "Write with FUA (6.15)",
            (r, o) -> Sqe.write(r, o, 0x01020304, 1, 65536, Sqe.FUA),
            entry("01000000", "04030201", "01000000", "00000000", "ffff0040")),
        command(
            "Compare (6.6)",
            (r, o) -> Sqe.blockCommand(r, o, Opcode.COMPARE, 1, 16, 1, 0),
            entry("05000000", "01000000", "10000000", "00000000", "00000000")),
        command(
            "Write Zeroes with DEAC (6.17)",
            (r, o) -> Sqe.blockCommand(r, o, Opcode.WRITE_ZEROES, 1, 0, 256, Sqe.DEALLOCATE),
            entry("08000000", "01000000", "00000000", "00000000", "ff000002")),
        command(
            "Verify (6.14)",
            (r, o) -> Sqe.blockCommand(r, o, Opcode.VERIFY, 1, 5, 2, 0),
            entry("0c000000", "01000000", "05000000", "00000000", "01000000")),
        command(
            "Write Uncorrectable (6.16)",
            (r, o) -> Sqe.blockCommand(r, o, Opcode.WRITE_UNCORRECTABLE, 1, 5, 2, 0),
            entry("04000000", "01000000", "05000000", "00000000", "01000000")),
        command("Flush (6.8)", (r, o) -> Sqe.flush(r, o, -1), entry("00000000", "ffffffff")),
        command(
            "Dataset Management, deallocate (6.7)",
            (r, o) -> Sqe.datasetManagement(r, o, 1, 256, Sqe.DSM_DEALLOCATE),
            entry("09000000", "01000000", "ff000000", "04000000")),
        command(
            "Identify Controller (5.15)",
            (r, o) -> Sqe.identify(r, o, Cns.CONTROLLER, 0),
            entry("06000000", "00000000", "01000000")),
        command(
            "Create I/O Completion Queue with vector 3 (5.3)",
            (r, o) -> Sqe.createIoCq(r, o, 2, 1024, 3),
            entry("05000000", "00000000", "0200ff03", "03000300")),
        command(
            "Create I/O Completion Queue without interrupts (5.3)",
            (r, o) -> Sqe.createIoCq(r, o, 2, 1024, -1),
            entry("05000000", "00000000", "0200ff03", "01000000")),
        command(
            "Create I/O Submission Queue, urgent (5.4)",
            (r, o) -> Sqe.createIoSq(r, o, 5, 65536, 2, 0),
            entry("01000000", "00000000", "0500ffff", "01000200")),
        command(
            "Create I/O Submission Queue, high priority (5.4)",
            (r, o) -> Sqe.createIoSq(r, o, 5, 65536, 2, 1),
            entry("01000000", "00000000", "0500ffff", "03000200")),
        command(
            "Create I/O Submission Queue, medium priority (5.4)",
            (r, o) -> Sqe.createIoSq(r, o, 5, 65536, 2, 2),
            entry("01000000", "00000000", "0500ffff", "05000200")),
        command(
            "Create I/O Submission Queue, low priority (5.4)",
            (r, o) -> Sqe.createIoSq(r, o, 5, 65536, 2, 3),
            entry("01000000", "00000000", "0500ffff", "07000200")),
        command(
            "Delete I/O Submission Queue (5.6)",
            (r, o) -> Sqe.deleteIoSq(r, o, 7),
            entry("00000000", "00000000", "07000000")),
        command(
            "Delete I/O Completion Queue (5.5)",
            (r, o) -> Sqe.deleteIoCq(r, o, 7),
            entry("04000000", "00000000", "07000000")),
        command(
            "Get Log Page: SMART, 512 bytes (5.14)",
            (r, o) -> Sqe.getLogPage(r, o, -1, LogPage.SMART, 512, 0),
            entry("02000000", "ffffffff", "02007f00")),
        command(
            "Get Log Page: 1 MiB at an offset beyond 4 GiB (5.14)",
            (r, o) -> Sqe.getLogPage(r, o, -1, LogPage.ERROR_INFORMATION, 1 << 20, 0x100000008L),
            entry("02000000", "ffffffff", "0100ffff", "03000000", "08000000", "01000000")),
        command(
            "Get Features: Volatile Write Cache (5.13)",
            (r, o) -> Sqe.getFeatures(r, o, 0, Feature.VOLATILE_WRITE_CACHE),
            entry("0a000000", "00000000", "06000000")),
        command(
            "Set Features: Number of Queues (5.21)",
            (r, o) -> Sqe.setFeatures(r, o, 0, Feature.NUMBER_OF_QUEUES, Feature.queueRequest(64)),
            entry("09000000", "00000000", "07000000", "3f003f00")),
        command(
            "Set Features: Arbitration, burst 2^3, high 256, medium 16, low 1 (5.21.1.1)",
            (r, o) ->
                Sqe.setFeatures(
                    r,
                    o,
                    0,
                    Feature.ARBITRATION,
                    Feature.arbitration(3, new QueueWeights(256, 16, 1))),
            entry("09000000", "00000000", "01000000", "03000fff")),
        command(
            "Abort of command 1234h of queue 5 (5.1)",
            (r, o) -> Sqe.abort(r, o, 5, 0x1234),
            entry("08000000", "00000000", "05003412")),
        command(
            "Asynchronous Event Request (5.2)",
            Sqe::asyncEventRequest,
            entry("0c000000", "00000000")),
        command(
            "Format NVM to format 1 with user data erase (5.23)",
            (r, o) -> Sqe.formatNvm(r, o, 1, 1, 1),
            entry("80000000", "01000000", "01020000")),
        command(
            "Doorbell Buffer Config (5.8)",
            Sqe::doorbellBufferConfig,
            entry("7c000000", "00000000")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("commands")
  void encode_isTheSpecificationsBytes(String name, AdminCommands.Encoder encoder, String golden) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ring = arena.allocate(3 * Sqe.BYTES, 8);
      ring.fill((byte) 0xA5);
      encoder.encode(ring, Sqe.BYTES);
      assertThat(Bytes.hex(ring.asSlice(Sqe.BYTES, Sqe.BYTES))).isEqualTo(golden);
      assertThat(Bytes.hex(ring.asSlice(0, Sqe.BYTES))).as("entry before").matches("(a5)+");
      assertThat(Bytes.hex(ring.asSlice(2 * Sqe.BYTES, Sqe.BYTES))).as("after").matches("(a5)+");
    }
  }

  @Test
  void setters_fillIdentifierAndDataPointer() {
    MemorySegment entry = Bytes.structure(Sqe.BYTES);
    Sqe.read(entry, 0, 1, 0, 1, 0);
    Sqe.setCommandId(entry, 0, 0xBEEF);
    Sqe.setPrps(entry, 0, 0x0102030405060708L, 0x1112131415161718L);
    assertThat(Bytes.hex(entry.asSlice(0, 4))).isEqualTo("0200efbe");
    assertThat(Bytes.hex(entry.asSlice(24, 16))).isEqualTo("0807060504030201" + "1817161514131211");
  }

  @Test
  void getters_readTheSpecificationsBytes() {
    MemorySegment entry =
        Bytes.structure(
            Sqe.BYTES,
            0,
            "02 41 efbe  fffffffe".replace("fffffffe", "feffffff"),
            24,
            "0807060504030201 1817161514131211",
            40,
            "88776655 443322f1 ffff0040 01000000 02000000 03000000");
    assertThat(Sqe.opcode(entry, 0)).isEqualTo(2);
    assertThat(Sqe.fuse(entry, 0)).isEqualTo(1);
    assertThat(Sqe.psdt(entry, 0)).isEqualTo(1);
    assertThat(Sqe.commandId(entry, 0)).isEqualTo(0xBEEF);
    assertThat(Sqe.nsid(entry, 0)).isEqualTo(0xFFFFFFFE);
    assertThat(Sqe.prp1(entry, 0)).isEqualTo(0x0102030405060708L);
    assertThat(Sqe.prp2(entry, 0)).isEqualTo(0x1112131415161718L);
    assertThat(Sqe.slba(entry, 0)).isEqualTo(0xF122334455667788L);
    assertThat(Sqe.blocks(entry, 0)).isEqualTo(65536);
    assertThat(Sqe.cdw10(entry, 0)).isEqualTo(0x55667788);
    assertThat(Sqe.cdw11(entry, 0)).isEqualTo(0xF1223344);
    assertThat(Sqe.cdw12(entry, 0)).isEqualTo(0x4000FFFF);
    assertThat(Sqe.cdw13(entry, 0)).isEqualTo(1);
    assertThat(Sqe.cdw14(entry, 0)).isEqualTo(2);
    assertThat(Sqe.cdw15(entry, 0)).isEqualTo(3);
  }

  @Test
  void datasetRange_isTheSpecificationsBytes() {
    MemorySegment range = Bytes.structure(Sqe.DSM_RANGE_BYTES);
    Sqe.datasetRange(range, 0, 0x1122334455667788L, 0xFFFFFFFF);
    assertThat(Bytes.hex(range)).isEqualTo("00000000" + "ffffffff" + "8877665544332211");
  }
}
