package io.nvmedirect.pcie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.spec.NvmeException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VfioUserAddressTest {

  @ParameterizedTest
  @CsvSource({
    "vfio-user:/run/dev.sock, /run/dev.sock, 0",
    "vfio-user:/run/dev.sock?ns=2, /run/dev.sock, 2",
    "vfio-user:relative, relative, 0",
    "vfio-user:/a:b/c?d=e, /a:b/c?d=e, 0",
    "vfio-user:/a?b?ns=12, /a?b, 12",
    "vfio-user:/a b/ns2, /a b/ns2, 0",
  })
  void parse_readsEveryPart(String address, Path path, int namespace) throws NvmeException {
    assertThat(VfioUserAddress.matches(address)).isTrue();
    assertThat(VfioUserAddress.parse(address)).isEqualTo(new VfioUserAddress(path, namespace));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "vfio-user:",
        "vfio-user:/s?ns=",
        "vfio-user:/s?ns=0",
        "vfio-user:/s?ns=-1",
        "vfio-user:/s?ns=x",
        "vfio-user:/s?ns=1234567890",
        "vfio-user:/a\0b",
        "/run/dev.sock",
      })
  void parse_bad_namesItAndTheForm(String address) {
    assertThatThrownBy(() -> VfioUserAddress.parse(address))
        .isInstanceOf(NvmeException.class)
        .hasMessageContaining(address)
        .hasMessageContaining("vfio-user:/run/dev.sock");
  }

  @Test
  void toString_isWhatWasRead() throws NvmeException {
    for (String address : new String[] {"vfio-user:/run/x", "vfio-user:/run/x?ns=3"}) {
      assertThat(VfioUserAddress.parse(address)).hasToString(address);
    }
  }

  @Test
  void socket_ofADirectory_isCntrl(@TempDir Path directory) throws Exception {
    assertThat(new VfioUserAddress(directory, 0).socket()).isEqualTo(directory.resolve("cntrl"));
    Path socket = Files.createFile(directory.resolve("cntrl"));
    assertThat(new VfioUserAddress(socket, 0).socket()).isEqualTo(socket);
  }
}
