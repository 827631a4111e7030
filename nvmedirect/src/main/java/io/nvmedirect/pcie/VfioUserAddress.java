package io.nvmedirect.pcie;

import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.spec.NvmeException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The address of a controller that another process emulates: {@code vfio-user:/run/dev.sock}, or a
 * directory that has a socket of the name {@code cntrl}, with {@code ?ns=2} for a namespace.
 *
 * @param path of the socket, or of the directory
 * @param namespace identifier, or 0 if the address has none
 */
public record VfioUserAddress(Path path, int namespace) {

  private static final String SCHEME = "vfio-user:";
  private static final String SOCKET_IN_DIRECTORY = "cntrl";

  /** A path may have anything in it, also a question mark. */
  private static final Pattern FORM = Pattern.compile("(.+?)(?:\\?ns=([^?]*))?", Pattern.DOTALL);

  private static final Pattern NAMESPACE = Pattern.compile("[1-9][0-9]{0,8}");

  /** Whether the text is meant to be such an address. */
  public static boolean matches(String address) {
    return address.startsWith(SCHEME);
  }

  /**
   * Reads an address.
   *
   * @throws NvmeException if it is none
   */
  public static VfioUserAddress parse(String address) throws NvmeException {
    Matcher matcher = FORM.matcher(matches(address) ? address.substring(SCHEME.length()) : "");
    if (!matcher.matches()) {
      throw malformed(address, null);
    }
    @Nullable String namespace = matcher.group(2);
    if (namespace != null && !NAMESPACE.matcher(namespace).matches()) {
      throw malformed(address, null);
    }
    try {
      return new VfioUserAddress(
          Path.of(matcher.group(1)), namespace == null ? 0 : Integer.parseInt(namespace));
    } catch (InvalidPathException e) {
      throw malformed(address, e);
    }
  }

  private static NvmeException malformed(String address, @Nullable Throwable cause) {
    String message =
        "cannot open %s: the address of a vfio-user controller is vfio-user:PATH of its socket, or of the directory of a socket cntrl, such as vfio-user:/run/dev.sock, with ?ns=2 for a namespace"
            .formatted(address);
    return cause == null ? new NvmeException(message) : new NvmeException(message, cause);
  }

  /**
   * The socket, which is looked for if the path is that of a directory.
   *
   * @throws NvmeException if no socket can have such a path
   */
  Path socket() throws NvmeException {
    Path socket = Files.isDirectory(path) ? path.resolve(SOCKET_IN_DIRECTORY) : path;
    int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > UnixSocket.MAX_PATH_BYTES) {
      throw new NvmeException(
          "cannot open %s: the path of a socket has at most %d bytes, %s has %d"
              .formatted(this, UnixSocket.MAX_PATH_BYTES, socket, bytes));
    }
    return socket;
  }

  @Override
  public String toString() {
    return SCHEME + path + (namespace == 0 ? "" : "?ns=" + namespace);
  }
}
