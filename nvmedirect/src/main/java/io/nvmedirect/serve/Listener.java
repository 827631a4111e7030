package io.nvmedirect.serve;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.linux.UnixSocket;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A socket that clients connect to, one at a time, and its file. */
final class Listener implements AutoCloseable {

  private static final System.Logger LOG = SafeLogger.of(Listener.class);

  // st_mode of stat(2).
  private static final int TYPE_MASK = 0170000;
  private static final int SOCKET = 0140000;

  /** A socket that has no place for so long is one that somebody listens at. */
  private static final long CONNECT_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private final Path path;
  private final UnixSocket socket;

  /** Device and inode, so that close() deletes no file of somebody else's. */
  private final Object fileKey;

  /** The client; of the server's thread. */
  @Nullable Connection connection;

  private Listener(Path path, UnixSocket socket, Object fileKey) {
    this.path = path;
    this.socket = socket;
    this.fileKey = fileKey;
  }

  /** Listens at a path where nothing is, or the socket that a killed server has left. */
  static Listener open(Path path) throws IOException {
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      removeStale(path);
    }
    UnixSocket socket = UnixSocket.listen(path);
    try {
      return new Listener(path, socket, fileKey(path));
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private static void removeStale(Path path) throws IOException {
    int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    if ((mode & TYPE_MASK) != SOCKET) {
      throw new NvmeException(
          "cannot listen at %s: there is a file that is no socket; give another path"
              .formatted(path));
    }
    try (UnixSocket _ = UnixSocket.connect(path, CONNECT_NS)) {
      throw inUse(path);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EAGAIN) {
        throw inUse(path); // and accepts nobody
      }
      if (e.errno() != Errno.ECONNREFUSED) {
        throw e;
      }
    }
    LOG.log(System.Logger.Level.DEBUG, "{0}: replacing a socket that nobody listens on", path);
    Files.deleteIfExists(path);
  }

  private static NvmeException inUse(Path path) {
    return new NvmeException(
        "cannot listen at %s: somebody else listens there; give another path".formatted(path));
  }

  private static Object fileKey(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .fileKey();
  }

  int fd() {
    return socket.fd();
  }

  UnixSocket accept() throws LinuxException {
    return socket.accept();
  }

  @Override
  public String toString() {
    return path.toString();
  }

  /** Ends listening; the client is gone. */
  @Override
  public void close() {
    socket.close();
    try {
      if (fileKey.equals(fileKey(path))) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "{0}: not deleted: {1}", path, e.getMessage());
    }
  }
}
