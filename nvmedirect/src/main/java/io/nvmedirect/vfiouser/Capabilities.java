package io.nvmedirect.vfiouser;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What one side of a connection can do: the version data of VERSION, a JSON text with a zero behind it.
 * Names that are not known are left alone.
 *
 * @param mostFds descriptors that the sender takes in one message (max_msg_fds); 1 if it says nothing
 * @param mostDataBytes data that it takes in one message (max_data_xfer_size); 1 MiB if it says nothing
 * @param pageSizes of DMA mappings, or'ed (pgsizes); 4096 if it says nothing
 * @param mostMappings DMA mappings at a time (max_dma_maps); 65535 if it says nothing
 * @param twinSocket whether commands of the server go over a socket of their own
 * @param twinIndex which descriptor of the reply that is; −1 for none
 */
public record Capabilities(
    int mostFds,
    int mostDataBytes,
    long pageSizes,
    int mostMappings,
    boolean twinSocket,
    int twinIndex) {

  /** The version of the protocol that this is. */
  public static final int MAJOR = 0;

  public static final int MINOR = 1;

  /** What holds for a side that says nothing. */
  public static final Capabilities DEFAULTS =
      new Capabilities(1, MessageSocket.DEFAULT_DATA_BYTES, 4096, 65535, false, -1);

  /**
   * Understands the payload of VERSION, behind the two numbers of the version.
   *
   * @throws IOException if it is no JSON text, or has a value of another kind or size
   */
  public static Capabilities decode(ByteBuffer versionData) throws IOException {
    ByteBuffer text = versionData.duplicate();
    while (text.hasRemaining() && text.get(text.limit() - 1) == 0) {
      text.limit(text.limit() - 1);
    }
    if (!text.hasRemaining()) {
      return DEFAULTS;
    }
    Map<String, Object> root =
        Json.object(Json.parse(StandardCharsets.UTF_8.decode(text).toString()), "version data");
    Map<String, Object> values =
        Json.object(root.getOrDefault("capabilities", Map.of()), "capabilities");
    Map<String, Object> twin =
        Json.object(values.getOrDefault("twin_socket", Map.of()), "twin_socket");
    return new Capabilities(
        (int) Json.integer(values, "max_msg_fds", DEFAULTS.mostFds, 0, Integer.MAX_VALUE),
        (int)
            Json.integer(
                values, "max_data_xfer_size", DEFAULTS.mostDataBytes, 1, Integer.MAX_VALUE),
        Json.integer(values, "pgsizes", DEFAULTS.pageSizes, 1, Long.MAX_VALUE),
        (int) Json.integer(values, "max_dma_maps", DEFAULTS.mostMappings, 1, Integer.MAX_VALUE),
        Json.bool(twin, "supported", false),
        (int) Json.integer(twin, "fd_index", -1, 0, Integer.MAX_VALUE));
  }

  /** The whole payload of VERSION: the version, and these. */
  public ByteBuffer encode() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("max_msg_fds", mostFds);
    values.put("max_data_xfer_size", mostDataBytes);
    values.put("pgsizes", pageSizes);
    values.put("max_dma_maps", mostMappings);
    if (twinSocket) {
      Map<String, Object> twin = new LinkedHashMap<>();
      twin.put("supported", true);
      if (twinIndex >= 0) {
        twin.put("fd_index", twinIndex);
      }
      values.put("twin_socket", twin);
    }
    byte[] text = Json.format(Map.of("capabilities", values)).getBytes(StandardCharsets.UTF_8);
    return MessageSocket.payload(4 + text.length + 1)
        .putShort((short) MAJOR)
        .putShort((short) MINOR)
        .put(text)
        .rewind();
  }
}
