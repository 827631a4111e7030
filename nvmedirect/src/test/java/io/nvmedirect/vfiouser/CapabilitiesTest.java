package io.nvmedirect.vfiouser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CapabilitiesTest {

  private static Capabilities decode(String text) throws IOException {
    return Capabilities.decode(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void decode_ofSpdksReply_readsIt() throws IOException {
    byte[] data =
        HexFormat.of()
            .parseHex(
                "7b20226361706162696c6974696573223a207b20226d61785f6d73675f666473223a20382c20"
                    + "226d61785f646174615f786665725f73697a65223a2031303438353736207d207d00");
    assertThat(Capabilities.decode(ByteBuffer.wrap(data)))
        .isEqualTo(new Capabilities(8, 1_048_576, 4096, 65535, false, -1));
  }

  @Test
  void decode_ofNothing_isTheDefaults() throws IOException {
    assertThat(decode("")).isEqualTo(Capabilities.DEFAULTS);
    assertThat(decode("\0\0")).isEqualTo(Capabilities.DEFAULTS);
    assertThat(decode("{}")).isEqualTo(Capabilities.DEFAULTS);
    assertThat(decode("{\"capabilities\":{}}\0")).isEqualTo(Capabilities.DEFAULTS);
  }

  @Test
  void decode_leavesAloneWhatItDoesNotKnow() throws IOException {
    assertThat(
            decode(
                """
                { "x" : [1, {"y": null}, "}\\"]", -2.5e3, true],
                  "capabilities" : { "migration" : {"pgsize": 4096}, "max_msg_fds" : 3,
                                     "pgsizes": 12288, "max_dma_maps": 16,
                                     "twin_socket": {"supported": true, "fd_index": 2} } }
                """))
        .isEqualTo(new Capabilities(3, 1 << 20, 12288, 16, true, 2));
  }

  @Test
  void encode_isReadAgain() throws IOException {
    for (Capabilities some :
        new Capabilities[] {
          Capabilities.DEFAULTS,
          new Capabilities(8, 4096, 1 << 21, 7, true, -1),
          new Capabilities(0, 1, 4096, 1, true, 5)
        }) {
      ByteBuffer payload = some.encode();
      assertThat(payload.getShort()).isEqualTo((short) 0);
      assertThat(payload.getShort()).isEqualTo((short) 1);
      assertThat(payload.get(payload.limit() - 1)).as("a zero at the end").isZero();
      assertThat(Capabilities.decode(payload)).isEqualTo(some);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "7",
        "{\"capabilities\":[]}",
        "{\"capabilities\":{\"max_msg_fds\":-1}}",
        "{\"capabilities\":{\"max_msg_fds\":2147483648}}",
        "{\"capabilities\":{\"max_msg_fds\":\"8\"}}",
        "{\"capabilities\":{\"max_msg_fds\":1.5}}",
        "{\"capabilities\":{\"max_msg_fds\":null}}",
        "{\"capabilities\":{\"max_data_xfer_size\":0}}",
        "{\"capabilities\":{\"max_dma_maps\":0}}",
        "{\"capabilities\":{\"pgsizes\":99999999999999999999}}",
        "{\"capabilities\":{\"twin_socket\":true}}",
        "{\"capabilities\":{\"twin_socket\":{\"supported\":1}}}",
        "{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":-1}}}",
      })
  void decode_ofWrongValues_isAnError(String text) {
    assertThatThrownBy(() -> decode(text)).isInstanceOf(IOException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "\"a",
        "\"a\\",
        "\"a\\\"",
        "tru",
        "nul",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "--1",
        "1 2",
        "{} {}",
        "{}x",
        "'a'"
      })
  void parse_ofWhatIsNoJson_isAnError(String text) {
    assertThatThrownBy(() -> Json.parse(text))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("no JSON");
  }

  @Test
  void parse_ofDeepNesting_isAnError() throws IOException {
    assertThat(Json.parse("[".repeat(16) + "]".repeat(16))).isNotNull();
    assertThatThrownBy(() -> Json.parse("[".repeat(100_000)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("16 levels");
    assertThatThrownBy(() -> Json.parse("{\"a\":".repeat(100_000))).isInstanceOf(IOException.class);
  }

  @Test
  void parse_readsNumbersAndTruth() throws IOException {
    assertThat(Json.parse(" { \"a\" : -12 , \"b\":true,\"c\" : false, \"d\":{} } "))
        .isEqualTo(Map.of("a", -12L, "b", true, "c", false, "d", Map.of()));
  }
}
