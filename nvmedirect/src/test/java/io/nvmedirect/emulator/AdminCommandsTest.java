package io.nvmedirect.emulator;

import static io.nvmedirect.emulator.RawHost.ALL;
import static io.nvmedirect.emulator.RawHost.command;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdminCommandsTest {

  private RawHost host;
  private RawHost.Queue admin;

  @BeforeEach
  void start() throws IOException {
    host = RawHost.start("mem:4MiB?ns=2&mdts=64KiB");
    admin = host.admin();
  }

  @AfterEach
  void stop() {
    host.close();
  }

  @Test
  void identify_controllerHasTheFieldsOfTheSpecification() throws IOException {
    RawHost.Buffer page = host.identify(1, 0);
    String text = new String(page.bytes(), US_ASCII);
    assertThat(text.substring(4, 24)).matches("[0-9A-F]{16} {4}");
    assertThat(text.substring(24, 64).strip()).isEqualTo("NVMeDirect Emulated Controller");
    assertThat(page.u8(77)).as("MDTS").isEqualTo(4);
    assertThat(page.u32(80)).as("VER").isEqualTo(0x0001_0400);
    assertThat(page.u8(111)).as("CNTRLTYPE").isEqualTo(1);
    assertThat(page.u16(256)).as("OACS").isEqualTo(0x002);
    assertThat(page.u8(259)).as("AERL").isEqualTo(3);
    assertThat(page.u8(261)).as("LPA").isEqualTo(6);
    assertThat(page.u8(262)).as("ELPE").isEqualTo(63);
    assertThat(page.u64(280)).as("TNVMCAP").isEqualTo(4 << 20);
    assertThat(page.u8(512)).as("SQES").isEqualTo(0x66);
    assertThat(page.u8(513)).as("CQES").isEqualTo(0x44);
    assertThat(page.u32(516)).as("NN").isEqualTo(2);
    assertThat(page.u16(520)).as("ONCS").isEqualTo(0x9F);
    assertThat(page.u8(525)).as("VWC").isEqualTo(7);
    assertThat(page.u16(526)).as("AWUN: one command at a time").isEqualTo(0xFFFF);
    assertThat(page.u16(528)).as("AWUPF: one block").isZero();
    assertThat(page.u16(532)).as("ACWU").isZero();
    assertThat(page.u32(536)).as("SGLS").isEqualTo(1);
    assertThat(text.substring(768)).startsWith("nqn.2014-08.org.nvmexpress:uuid:");
    assertThat(page.u8(4095)).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {0x00, 0x11})
  void identify_namespaceHasItsSizeAndFormats(int cns) throws IOException {
    RawHost.Buffer page = host.identify(cns, 2);
    assertThat(page.u64(0)).as("NSZE").isEqualTo(4096);
    assertThat(page.u64(8)).as("NCAP").isEqualTo(4096);
    assertThat(page.u64(16)).as("NUSE").isEqualTo(4096);
    assertThat(page.u8(25)).as("NLBAF").isEqualTo(1);
    assertThat(page.u8(26)).as("FLBAS").isZero();
    assertThat(page.u8(33)).as("DLFEAT").isEqualTo(9);
    assertThat(page.u64(104)).as("NGUID").isNotZero();
    assertThat(page.u32(128)).as("LBAF0").isEqualTo(9 << 16);
    assertThat(page.u32(132)).as("LBAF1").isEqualTo(12 << 16);
    for (int nsid : new int[] {0, 3, ALL}) {
      assertThat(admin.refused(command(6).nsid(nsid).cdw(10, cns).data(page))).isEqualTo(0x00B);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0x02, 0x10})
  void identify_listsNamespacesAbove(int cns) throws IOException {
    RawHost.Buffer all = host.identify(cns, 0);
    assertThat(new int[] {all.u32(0), all.u32(4), all.u32(8)}).containsExactly(1, 2, 0);
    RawHost.Buffer one = host.identify(cns, 1);
    assertThat(new int[] {one.u32(0), one.u32(4)}).containsExactly(2, 0);
    assertThat(host.identify(cns, 0xFFFF_FFFD).u32(0)).isZero();
    assertThat(admin.refused(command(6).nsid(ALL).cdw(10, cns).data(all))).isEqualTo(0x00B);
    assertThat(admin.refused(command(6).nsid(-2).cdw(10, cns).data(all))).isEqualTo(0x00B);
  }

  @Test
  void identify_descriptorsAreThoseOfTheNamespace() throws IOException {
    RawHost.Buffer page = host.identify(3, 1);
    assertThat(page.u8(0)).isEqualTo(2);
    assertThat(page.u8(1)).isEqualTo(16);
    assertThat(page.u64(4)).isEqualTo(host.identify(0, 1).u64(104));
    assertThat(page.u8(20)).isEqualTo(3);
    assertThat(page.u8(21)).isEqualTo(16);
    assertThat(page.u8(40)).isZero();
    assertThat(host.identify(3, 2).u64(4)).isNotEqualTo(page.u64(4));
    assertThat(admin.refused(command(6).nsid(9).cdw(10, 3).data(page))).isEqualTo(0x00B);
  }

  @Test
  void identify_listsControllers() throws IOException {
    int id = host.identify(1, 0).u16(78);
    assertThat(host.identify(0x12, 1).u16(0)).isEqualTo(1);
    assertThat(host.identify(0x12, 1).u16(2)).isEqualTo(id);
    assertThat(host.identify(0x13, 0).u16(2)).isEqualTo(id);
    assertThat(host.identify(0x13 | (id + 1) << 16, 0).u16(0)).isZero();
    RawHost.Buffer page = host.buffer(4096);
    assertThat(admin.refused(command(6).nsid(7).cdw(10, 0x12).data(page))).isEqualTo(0x00B);
    assertThat(admin.refused(command(6).cdw(10, 0x55).data(page))).isEqualTo(0x002);
  }

  @Test
  void commands_invalidFieldsAreRefused() throws IOException {
    RawHost.Buffer page = host.buffer(4096);
    for (int opcode : new int[] {0x03, 0x0D, 0x10, 0x14, 0x18, 0x81, 0xC0, 0xFF}) {
      assertThat(admin.refused(command(opcode))).isEqualTo(0x001);
    }
    RawHost.Command identify = command(6).cdw(10, 1).data(page);
    assertThat(admin.refused(identify.flags(1))).as("FUSE").isEqualTo(0x002);
    assertThat(admin.refused(identify.flags(0x40))).as("PSDT").isEqualTo(0x002);
    assertThat(admin.refused(identify.flags(0xC0))).isEqualTo(0x002);
    assertThat(admin.status(command(6).cdw(10, 1).prp(0, 0))).isEqualTo(0x004);
    assertThat(admin.refused(command(6).cdw(10, 1).prp(page.iova() + 2, 0))).isEqualTo(0x013);
  }

  @ParameterizedTest
  @CsvSource({
    // feature, cdw11, value read back, default
    "1, 0x01020305, 0x01020305, 3",
    "2, 0x00000020, 0x00000020, 0",
    "4, 0x00000150, 0x00000150, 343",
    "6, 0, 0, 1",
    "8, 0x0000ff07, 0x0000ff07, 0",
    "10, 1, 1, 0",
    "11, 0xffffffff, 0x000001ff, 0",
  })
  void features_areSetAndReset(int feature, String set, String read, int standard)
      throws IOException {
    assertThat(admin.ok(command(0x0A).cdw(10, feature))).isEqualTo(standard);
    admin.ok(command(0x09).cdw(10, feature).cdw(11, Long.decode(set).intValue()));
    assertThat(admin.ok(command(0x0A).cdw(10, feature))).isEqualTo(Long.decode(read).intValue());
    assertThat(admin.ok(command(0x0A).cdw(10, feature | 1 << 8))).isEqualTo(standard);
    assertThat(admin.ok(command(0x0A).cdw(10, feature | 2 << 8))).isEqualTo(standard);
    assertThat(admin.ok(command(0x0A).cdw(10, feature | 3 << 8))).isEqualTo(4);
    assertThat(admin.refused(command(0x0A).cdw(10, feature | 4 << 8))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).cdw(10, feature | 1 << 31))).isEqualTo(0x10D);
    assertThat(admin.refused(command(0x09).nsid(1).cdw(10, feature))).isEqualTo(0x10F);
    assertThat(admin.refused(command(0x09).nsid(3).cdw(10, feature))).isEqualTo(0x00B);
    host.disable();
    host.enable(8);
    assertThat(host.admin().ok(command(0x0A).cdw(10, feature))).isEqualTo(standard);
  }

  @Test
  void features_errorRecoveryBelongsToANamespace() {
    admin.ok(command(0x09).nsid(2).cdw(10, 5).cdw(11, 77));
    assertThat(admin.ok(command(0x0A).nsid(2).cdw(10, 5))).isEqualTo(77);
    assertThat(admin.ok(command(0x0A).nsid(1).cdw(10, 5))).isZero();
    admin.ok(command(0x09).nsid(ALL).cdw(10, 5).cdw(11, 9));
    assertThat(admin.ok(command(0x0A).nsid(1).cdw(10, 5))).isEqualTo(9);
    assertThat(admin.ok(command(0x0A).nsid(1).cdw(10, 5 | 3 << 8))).isEqualTo(6);
    assertThat(admin.refused(command(0x09).nsid(1).cdw(10, 5).cdw(11, 1 << 16))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).nsid(5).cdw(10, 5))).isEqualTo(0x00B);
    assertThat(admin.refused(command(0x0A).nsid(0).cdw(10, 5))).isEqualTo(0x00B);
  }

  @Test
  void features_badValuesAreRefused() {
    assertThat(admin.refused(command(0x09).cdw(10, 2).cdw(11, 1))).as("power").isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).cdw(10, 4).cdw(11, 1 << 16))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).cdw(10, 4).cdw(11, 2 << 20))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x0A).cdw(10, 4).cdw(11, 2 << 20))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).cdw(10, 7).cdw(11, 0xFFFF))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).cdw(10, 7).cdw(11, 0xFFFF_0000))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x09).cdw(10, 9).cdw(11, 65))).isEqualTo(0x002);
    assertThat(admin.refused(command(0x0A).cdw(10, 9).cdw(11, 65))).isEqualTo(0x002);
    admin.ok(command(0x09).cdw(10, 9).cdw(11, 1 << 16 | 3));
    assertThat(admin.ok(command(0x0A).cdw(10, 9).cdw(11, 3))).isEqualTo(1 << 16 | 3);
    for (int feature : new int[] {0, 3, 0xC, 0xD, 0xE, 0x80, 0xFF}) {
      assertThat(admin.refused(command(0x09).cdw(10, feature))).isEqualTo(0x002);
      assertThat(admin.refused(command(0x0A).cdw(10, feature))).isEqualTo(0x002);
    }
  }

  @Test
  void errorLog_hasTheFailedCommandFirst() throws IOException {
    RawHost.Completion failed =
        host.io().run(RawHost.read(1, 0x1234_5678_9AL, 1, host.buffer(4096)));
    assertThat(failed.statusField() & 0x2000).as("M").isNotZero();
    RawHost.Buffer log = host.log(1, 128, false);
    assertThat(log.u64(0)).as("count").isEqualTo(1);
    assertThat(log.u16(8)).as("SQID").isEqualTo(1);
    assertThat(log.u16(10)).as("CID").isEqualTo(failed.cid());
    assertThat(log.u16(12) >>> 1).as("status").isEqualTo(failed.statusField());
    assertThat(log.u64(16)).as("LBA").isEqualTo(0x1234_5678_9AL);
    assertThat(log.u32(24)).as("NSID").isEqualTo(1);
    assertThat(log.u64(64)).as("second entry").isZero();
    assertThat(log.u8(128)).as("behind the transfer").isEqualTo(0xEE);
    for (int i = 0; i < 70; i++) {
      host.io().refused(command(0x77));
    }
    log = host.log(1, 4096, false);
    assertThat(log.u64(0)).isEqualTo(71);
    assertThat(log.u64(63 * 64)).isEqualTo(8);
    assertThat(host.log(2, 512, false).u64(176)).as("SMART").isEqualTo(71);
  }

  @Test
  void smartLog_counts() throws IOException {
    RawHost.Buffer data = host.buffer(8192);
    for (int i = 0; i < 101; i++) {
      host.io().ok(RawHost.write(1, 0, 16, data));
    }
    host.io().ok(RawHost.read(1, 0, 1, data));
    RawHost.Buffer log = host.log(2, 512, false);
    assertThat(log.u8(0)).as("critical warning").isZero();
    assertThat(log.u16(1)).as("temperature").isEqualTo(313);
    assertThat(log.u8(3)).isEqualTo(100);
    assertThat(log.u64(32)).as("units read").isEqualTo(1);
    assertThat(log.u64(48)).as("units written").isEqualTo(2);
    assertThat(log.u64(64)).isEqualTo(1);
    assertThat(log.u64(80)).isEqualTo(101);
    assertThat(log.u64(112)).as("power cycles").isEqualTo(1);
  }

  @Test
  void firmwareAndEffectsLogs_areThere() throws IOException {
    RawHost.Buffer firmware = host.log(3, 512, false);
    assertThat(firmware.u8(0)).isEqualTo(1);
    assertThat(firmware.u8(8)).isEqualTo('1');
    RawHost.Buffer effects = host.log(5, 4096, false);
    assertThat(effects.u32(0x06 * 4)).as("Identify").isEqualTo(1);
    assertThat(effects.u32(0x80 * 4)).as("Format").isEqualTo(0x1_0007);
    assertThat(effects.u32(0x7C * 4)).as("Doorbell Buffer Config").isZero();
    assertThat(effects.u32(0x81 * 4)).isZero();
    assertThat(effects.u32(1024 + 4)).as("Write").isEqualTo(3);
    assertThat(effects.u32(1024 + 8)).as("Read").isEqualTo(1);
    assertThat(effects.u32(1024 + 0x0D * 4)).isZero();
  }

  @Test
  void getLogPage_takesOffsetsAndRefusesBadOnes() throws IOException {
    RawHost.Buffer page = host.buffer(4096).fill(0xEE);
    admin.ok(command(2).nsid(ALL).cdw(10, 3 << 16 | 5).cdw(12, 0x80 * 4).data(page));
    assertThat(page.u32(0)).isEqualTo(0x1_0007);
    assertThat(page.u8(16)).isEqualTo(0xEE);
    page.fill(0xEE);
    admin.ok(command(2).nsid(ALL).cdw(10, 127 << 16 | 2).cdw(12, 508).data(page));
    assertThat(page.u32(0)).isZero();
    assertThat(page.u8(4)).as("behind the end of the log").isEqualTo(0xEE);
    admin.ok(command(2).nsid(ALL).cdw(10, 2).cdw(12, 512).data(page));
    assertThat(admin.refused(command(2).cdw(10, 2).cdw(12, 2).data(page))).isEqualTo(0x002);
    assertThat(admin.refused(command(2).cdw(10, 2).cdw(12, 516).data(page))).isEqualTo(0x002);
    assertThat(admin.refused(command(2).cdw(10, 2).cdw(13, -1).data(page))).isEqualTo(0x002);
    assertThat(admin.refused(command(2).cdw(10, 2).cdw(11, 0xFFFF).data(page)))
        .as("NUMDU beyond MDTS")
        .isEqualTo(0x002);
    assertThat(admin.refused(command(2).nsid(1).cdw(10, 2).data(page))).isEqualTo(0x002);
    for (int log : new int[] {0, 6, 0x0D, 0x70, 0x81, 0xC0}) {
      assertThat(admin.refused(command(2).nsid(ALL).cdw(10, log).data(page))).isEqualTo(0x109);
    }
    assertThat(admin.status(command(2).nsid(ALL).cdw(10, 0xFF << 16 | 2).prp(0, 0)))
        .isEqualTo(0x004);
  }

  @Test
  void format_changesBlockSizeAndErases() throws IOException {
    RawHost.Buffer data = host.buffer(4096).fill(0x5A);
    host.io().ok(RawHost.write(1, 0, 8, data));
    host.io().ok(RawHost.write(2, 0, 8, data));
    admin.ok(command(0x80).nsid(1).cdw(10, 1));
    assertThat(host.identify(0, 1).u64(0)).isEqualTo(512);
    assertThat(host.identify(0, 1).u8(26)).isEqualTo(1);
    assertThat(host.identify(0, 2).u64(0)).isEqualTo(4096);
    host.io().ok(RawHost.read(1, 0, 1, data));
    assertThat(data.has(0)).isTrue();
    host.io().ok(RawHost.read(2, 0, 8, data));
    assertThat(data.has(0x5A)).as("the other namespace").isTrue();
    assertThat(host.io().refused(RawHost.read(1, 512, 1, data))).isEqualTo(0x080);
    RawHost.Buffer changed = host.log(4, 4096, false);
    assertThat(changed.u32(0)).isEqualTo(1);
    assertThat(changed.u32(4)).isZero();
    assertThat(host.log(4, 4096, false).u32(0)).as("cleared by reading").isZero();
    admin.ok(command(0x80).nsid(ALL).cdw(10, 1 << 9));
    assertThat(host.identify(0, 1).u64(0)).isEqualTo(4096);
    host.io().ok(RawHost.read(2, 0, 8, data));
    assertThat(data.has(0)).isTrue();
  }

  @Test
  void format_badArgumentsAreRefused() throws IOException {
    RawHost.Buffer data = host.buffer(4096).fill(0x5A);
    host.io().ok(RawHost.write(1, 0, 8, data));
    assertThat(admin.refused(command(0x80).nsid(0))).isEqualTo(0x00B);
    assertThat(admin.refused(command(0x80).nsid(3))).isEqualTo(0x00B);
    assertThat(admin.refused(command(0x80).nsid(1).cdw(10, 2))).isEqualTo(0x10A);
    assertThat(admin.refused(command(0x80).nsid(1).cdw(10, 1 << 4))).isEqualTo(0x10A);
    assertThat(admin.refused(command(0x80).nsid(1).cdw(10, 1 << 5))).isEqualTo(0x10A);
    assertThat(admin.refused(command(0x80).nsid(1).cdw(10, 2 << 9))).isEqualTo(0x002);
    host.io().ok(RawHost.read(1, 0, 8, data.fill(0)));
    assertThat(data.has(0x5A)).isTrue();
  }

  @Test
  void format_tooSmallForTheFormatIsRefused() throws IOException {
    try (RawHost small = RawHost.start("mem:1024?ns=2")) {
      assertThat(small.admin().refused(command(0x80).nsid(1).cdw(10, 1))).isEqualTo(0x10A);
    }
  }
}
