package io.nvmedirect.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Data structures decoded from bytes at the offsets of the figures of NVMe 1.4. */
class RecordsTest {

  /** "QEMU NVMe Ctrl" and 26 spaces. */
  private static final String MODEL = "51454d55204e564d65204374726c" + "20".repeat(26);

  @Test
  void queueWeights_areWithinABytesRange() {
    assertThat(Feature.arbitration(0, new QueueWeights(1, 1, 1))).isZero();
    assertThat(Feature.arbitration(7, new QueueWeights(256, 256, 256))).isEqualTo(0xFFFFFF07);
    assertThatThrownBy(() -> new QueueWeights(0, 1, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a weight is 1 to 256: high=0");
    assertThatThrownBy(() -> new QueueWeights(1, 257, 1)).hasMessageEndingWith("medium=257");
    assertThatThrownBy(() -> new QueueWeights(1, 1, -1)).hasMessageEndingWith("low=-1");
  }

  @Test
  void identifyController_isDecodedFromFigure247() {
    MemorySegment data =
        Bytes.structure(
            4096,
            0,
            "361b f41a",
            4,
            "64656164" + "20".repeat(16),
            24,
            MODEL,
            64,
            "312e3020 20202020",
            72,
            "06",
            77,
            "07",
            78,
            "0201",
            80,
            "00040100",
            256,
            "2a01",
            258,
            "03",
            259,
            "04",
            262,
            "3f",
            266,
            "5701",
            268,
            "7301",
            514,
            "ff03",
            516,
            "00010000",
            520,
            "5d01",
            525,
            "07",
            536,
            "01000f00",
            768,
            "6e716e2e78");
    IdentifyController id = IdentifyController.decode(data);
    assertThat(id.vendorId()).isEqualTo(0x1B36);
    assertThat(id.subsystemVendorId()).isEqualTo(0x1AF4);
    assertThat(id.serialNumber()).isEqualTo("dead");
    assertThat(id.modelNumber()).isEqualTo("QEMU NVMe Ctrl");
    assertThat(id.firmwareRevision()).isEqualTo("1.0");
    assertThat(id.recommendedBurst()).isEqualTo(6);
    assertThat(id.maxTransferPages()).isEqualTo(7);
    assertThat(id.maxTransferBytes(4096)).isEqualTo(512 * 1024);
    assertThat(id.controllerId()).isEqualTo(0x0102);
    assertThat(Register.versionName(id.version())).isEqualTo("1.4");
    assertThat(id.abortLimit()).isEqualTo(4);
    assertThat(id.asyncEventLimit()).isEqualTo(5);
    assertThat(id.errorLogEntries()).isEqualTo(64);
    assertThat(id.warningTemperatureKelvin()).isEqualTo(343);
    assertThat(id.criticalTemperatureKelvin()).isEqualTo(371);
    assertThat(id.maxOutstandingCommands()).isEqualTo(1023);
    assertThat(id.namespaceCount()).isEqualTo(256);
    // OACS 012Ah: Format (1), Namespace Management (3), MI (5), Doorbell Buffer Config (8).
    assertThat(id.supportsFormat()).isTrue();
    assertThat(id.supportsDoorbellBufferConfig()).isTrue();
    // ONCS 015Dh: Compare (0), DSM (2), Write Zeroes (3), Save (4), Timestamp (6), Copy (8).
    assertThat(id.supportsCompare()).isTrue();
    assertThat(id.supportsWriteUncorrectable()).isFalse();
    assertThat(id.supportsDatasetManagement()).isTrue();
    assertThat(id.supportsWriteZeroes()).isTrue();
    assertThat(id.supportsVerify()).isFalse();
    assertThat(id.hasVolatileWriteCache()).isTrue();
    assertThat(id.sglSupport()).isEqualTo(0x000F0001);
    assertThat(id.sglAlignment()).isEqualTo(1);
    assertThat(id.subsystemNqn()).isEqualTo("nqn.x");
  }

  @Test
  void maxTransfer_ofZero_isUnlimited() {
    IdentifyController id = IdentifyController.decode(Bytes.structure(4096));
    assertThat(id.maxTransferBytes(4096)).isEqualTo(Long.MAX_VALUE);
    assertThat(id.hasVolatileWriteCache()).isFalse();
  }

  @Test
  void identifyNamespace_isDecodedFromFigures245And246() {
    MemorySegment data =
        Bytes.structure(
            4096,
            0,
            "8877665544332211",
            8,
            "0000000001000000",
            16,
            "0500000000000000",
            24,
            "04 02 01 03",
            29,
            "00",
            33,
            "09",
            48,
            "00000000 10000000 0000000000000000",
            99,
            "01",
            104,
            "000102030405060708090a0b0c0d0e0f",
            120,
            "5254001122334455",
            128,
            "00000900" + "00000c00" + "08000c02");
    IdentifyNamespace ns = IdentifyNamespace.decode(data);
    assertThat(ns.sizeBlocks()).isEqualTo(0x1122334455667788L);
    assertThat(ns.capacityBlocks()).isEqualTo(1L << 32);
    assertThat(ns.usedBlocks()).isEqualTo(5);
    assertThat(ns.features()).isEqualTo(4);
    assertThat(ns.formats())
        .containsExactly(
            new LbaFormat(512, 0, 0), new LbaFormat(4096, 0, 0), new LbaFormat(4096, 8, 2));
    assertThat(ns.formatIndex()).isEqualTo(1);
    assertThat(ns.format().dataBytes()).isEqualTo(4096);
    assertThat(ns.metadataCapabilities()).isEqualTo(3);
    assertThat(ns.deallocateFeatures()).isEqualTo(9);
    assertThat(ns.nvmCapacityBytes()).isEqualTo(1L << 36);
    assertThat(ns.writeProtected()).isTrue();
    assertThat(ns.nguid()).isEqualTo("000102030405060708090a0b0c0d0e0f");
    assertThat(ns.eui64()).isEqualTo("5254001122334455");
  }

  @Test
  void smartLog_isDecodedFromFigure194() {
    MemorySegment data =
        Bytes.structure(
            512,
            0,
            "05 3b01 64 0a 03",
            32,
            "00000000000000000100000000000000",
            48,
            "02",
            64,
            "03",
            80,
            "04",
            96,
            "05",
            112,
            "06",
            128,
            "07",
            144,
            "08",
            160,
            "ffffffffffffffffffffffffffffffff",
            176,
            "0a",
            192,
            "ffffffff 0c000000");
    SmartLog smart = SmartLog.decode(data);
    assertThat(smart.criticalWarning()).isEqualTo(5);
    assertThat(smart.temperatureKelvin()).isEqualTo(315);
    assertThat(smart.availableSparePercent()).isEqualTo(100);
    assertThat(smart.availableSpareThresholdPercent()).isEqualTo(10);
    assertThat(smart.percentageUsed()).isEqualTo(3);
    assertThat(smart.dataUnitsRead()).isEqualTo(BigInteger.TWO.pow(64));
    assertThat(smart.dataUnitsWritten()).isEqualTo(2);
    assertThat(smart.hostReadCommands()).isEqualTo(3);
    assertThat(smart.hostWriteCommands()).isEqualTo(4);
    assertThat(smart.controllerBusyMinutes()).isEqualTo(5);
    assertThat(smart.powerCycles()).isEqualTo(6);
    assertThat(smart.powerOnHours()).isEqualTo(7);
    assertThat(smart.unsafeShutdowns()).isEqualTo(8);
    assertThat(smart.mediaErrors()).isEqualTo(BigInteger.TWO.pow(128).subtract(BigInteger.ONE));
    assertThat(smart.errorLogEntries()).isEqualTo(10);
    assertThat(smart.warningTemperatureMinutes()).isEqualTo(0xFFFFFFFFL);
    assertThat(smart.criticalTemperatureMinutes()).isEqualTo(12);
  }

  @Test
  void errorLogEntry_isDecodedFromFigure192() {
    MemorySegment data =
        Bytes.structure(128, 64, "0900000000000000 0500 3412 0181 2800 8877665544332211 01000000");
    // The status field has the phase tag in bit 0: 8101h is LBA Out of Range with DNR.
    assertThat(ErrorLogEntry.decode(data, 64))
        .isEqualTo(
            new ErrorLogEntry(
                9, 5, 0x1234, Status.DNR | Status.LBA_OUT_OF_RANGE, 0x28, 0x1122334455667788L, 1));
  }

  @Test
  void namespaceDescriptors_areDecodedFromFigure249() {
    MemorySegment data =
        Bytes.structure(
            4096,
            0,
            "01080000 5254001122334455",
            12,
            "02100000 000102030405060708090a0b0c0d0e0f",
            32,
            "03100000 12345678 9abc def0 1122 334455667788");
    assertThat(NamespaceDescriptors.decode(data))
        .isEqualTo(
            new NamespaceDescriptors(
                "5254001122334455",
                "000102030405060708090a0b0c0d0e0f",
                UUID.fromString("12345678-9abc-def0-1122-334455667788")));
  }

  @Test
  void namespaceDescriptors_thatRunPastTheEnd_areNotRead() {
    MemorySegment data = Bytes.structure(4096, 0, "7fff0000");
    assertThat(NamespaceDescriptors.decode(data))
        .isEqualTo(new NamespaceDescriptors(null, null, null));
    MemorySegment endless = Bytes.structure(8, 0, "01ff0000");
    assertThat(NamespaceDescriptors.decode(endless))
        .isEqualTo(new NamespaceDescriptors(null, null, null));
  }
}
