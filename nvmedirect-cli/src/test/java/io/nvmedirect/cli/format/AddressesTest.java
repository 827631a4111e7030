package io.nvmedirect.cli.format;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AddressesTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mem:256MiB",
        "mem:",
        "file:/tmp/x.img?size=1GiB",
        "file:relative.img",
        "pci:0000:01:00.0",
        "0000:01:00.0",
        "01:00.0",
        "0000:af:1F.7/ns2",
        "vfio-user:/run/dev.sock",
        "tcp://host:4420/nqn.2016-06.io.spdk:cnode1?ns=1",
        "/dev/nvme0",
        "/dev/nvme0n1p2",
        "/dev/ng0n1",
        "/dev/nvmed0n1"
      })
  void isAddress_address(String text) {
    assertThat(Addresses.isAddress(text)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "disk.img",
        "/tmp/disk.img",
        "./mem:1",
        "/tmp/mem:1",
        "/dev/zero",
        "/dev/sda",
        "/dev/nvme-fabrics",
        "0000:01:00.8",
        "1:2.3",
        "memory",
        "-",
        ""
      })
  void isAddress_file(String text) {
    assertThat(Addresses.isAddress(text)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "mem:1GiB, mem:1GiB?mode=thread",
    "mem:1GiB?lba=4096, mem:1GiB?lba=4096&mode=thread",
    "mem:1GiB?mode=inline, mem:1GiB?mode=inline",
    "mem:1GiB?lba=512&mode=inline, mem:1GiB?lba=512&mode=inline",
    "file:/tmp/mode=.img, file:/tmp/mode=.img?mode=thread",
    "/dev/nvme0n1, /dev/nvme0n1"
  })
  void withOwnThread_unlessAddressChooses(String address, String expected) {
    assertThat(Addresses.withOwnThread(address)).isEqualTo(expected);
  }
}
