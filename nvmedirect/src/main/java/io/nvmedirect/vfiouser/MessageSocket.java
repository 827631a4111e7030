package io.nvmedirect.vfiouser;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.linux.UnixSocket;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One end of a connection, by whole messages. One thread at a time receives, any thread sends. What the
 * other side does is checked here as far as the header goes; everything else is for whoever gets the
 * message.
 */
public final class MessageSocket implements AutoCloseable {

  /** Most data of one message that both sides agree on, unless they say otherwise. */
  public static final int DEFAULT_DATA_BYTES = 1 << 20;

  /** Room beside the data. */
  private static final int OVERHEAD_BYTES = 4096;

  /** First size of the buffer, which grows to the largest message. */
  private static final int INITIAL_BYTES = 4096;

  private static final int[] NO_FDS = {};

  private final UnixSocket socket;
  private final int mostBytes;
  private final int mostFds;

  // Receiving.
  private MemorySegment buffer = Arena.ofAuto().allocate(INITIAL_BYTES, 8);
  private int received;
  private int expected = Message.HEADER_BYTES;
  private final ArrayDeque<Integer> fds = new ArrayDeque<>();

  // Sending; the lock owns it.
  private final ReentrantLock sendLock = new ReentrantLock();
  private @Nullable ByteBuffer unsent;
  private int[] unsentFds = NO_FDS;

  /**
   * @param mostDataBytes of one message that is received
   * @param mostFds descriptors of one message that is received
   */
  public MessageSocket(UnixSocket socket, int mostDataBytes, int mostFds) {
    this.socket = socket;
    this.mostBytes = Message.HEADER_BYTES + OVERHEAD_BYTES + mostDataBytes;
    this.mostFds = mostFds;
  }

  /** The descriptor, for waiting. */
  public int fd() {
    return socket.fd();
  }

  /** A payload to be filled: little-endian, all zero. */
  public static ByteBuffer payload(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  // ---- Receiving.

  /**
   * Receives a message, which the caller closes.
   *
   * @param wait for all of it
   * @return null if it is not all there yet, only without waiting
   * @throws EOFException if the other side has closed the connection
   * @throws IOException if it does not follow the protocol; there is no going on then
   */
  public @Nullable Message receive(boolean wait) throws IOException {
    while (true) {
      long n = socket.receive(buffer.asSlice(received, expected - (long) received), wait, fds);
      if (n == UnixSocket.WOULD_BLOCK) {
        return null;
      }
      if (n == 0) {
        throw new EOFException(
            received == 0 ? "the connection was closed" : "the connection ended in a message");
      }
      received += (int) n;
      if (fds.size() > mostFds) {
        throw new IOException(
            "a message has more descriptors than the %d that are taken".formatted(mostFds));
      }
      if (received == expected && (expected > Message.HEADER_BYTES || !beginPayload())) {
        return take();
      }
    }
  }

  /** Having the header, learns the size; false if that is all. */
  private boolean beginPayload() throws IOException {
    ByteBuffer header = bytes(0, Message.HEADER_BYTES);
    int size = header.getInt(4);
    if (size < Message.HEADER_BYTES || size > mostBytes) {
      throw new IOException(
          "a message says that it has %d bytes: expected %d to %d"
              .formatted(Integer.toUnsignedLong(size), Message.HEADER_BYTES, mostBytes));
    }
    if (size > buffer.byteSize()) {
      MemorySegment larger = Arena.ofAuto().allocate(size, 8);
      MemorySegment.copy(buffer, 0, larger, 0, received);
      buffer = larger;
    }
    expected = size;
    return size > Message.HEADER_BYTES;
  }

  private Message take() {
    ByteBuffer header = bytes(0, Message.HEADER_BYTES);
    int bytes = expected - Message.HEADER_BYTES;
    ByteBuffer payload = payload(bytes).put(0, bytes(Message.HEADER_BYTES, bytes), 0, bytes);
    int[] taken = fds.stream().mapToInt(Integer::intValue).toArray();
    fds.clear();
    received = 0;
    expected = Message.HEADER_BYTES;
    return new Message(
        Short.toUnsignedInt(header.getShort(0)),
        Short.toUnsignedInt(header.getShort(2)),
        header.getInt(8),
        header.getInt(12),
        payload,
        taken);
  }

  private ByteBuffer bytes(int offset, int length) {
    return buffer.asSlice(offset, length).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  // ---- Sending.

  /**
   * Sends a message, waiting for room.
   *
   * @throws IOException also if there was no room for so long, now or for an earlier message: part of it
   *     may have gone, and the connection is of no use any more
   */
  public void send(
      int id, int command, int flags, int error, ByteBuffer payload, long timeoutNs, int... fds)
      throws IOException {
    sendLock.lock();
    try {
      if (unsent != null) {
        throw new IOException("an earlier message could not be sent");
      }
      long end = Clock.SYSTEM.nanoTime() + timeoutNs;
      if (!post(id, command, flags, error, payload, fds)) {
        while (!flush()) {
          long left = end - Clock.SYSTEM.nanoTime();
          if (left <= 0 || !socket.awaitWritable(left)) {
            throw new IOException(
                "the other side takes no messages for %d ms"
                    .formatted(TimeUnit.NANOSECONDS.toMillis(timeoutNs)));
          }
        }
      }
    } finally {
      sendLock.unlock();
    }
  }

  /**
   * Sends a message as far as there is room; {@link #flush} goes on, and the descriptors stay open until
   * then. Nothing of an earlier message is left.
   *
   * @return whether all of it has gone
   */
  public boolean post(int id, int command, int flags, int error, ByteBuffer payload, int... fds)
      throws LinuxException {
    sendLock.lock();
    try {
      if (unsent != null) {
        throw new IllegalStateException("an earlier message has not gone yet");
      }
      int bytes = payload.limit();
      ByteBuffer message =
          ByteBuffer.allocateDirect(Message.HEADER_BYTES + bytes)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putShort((short) id)
              .putShort((short) command)
              .putInt(Message.HEADER_BYTES + bytes)
              .putInt(flags)
              .putInt(error)
              .put(payload.duplicate().rewind())
              .flip();
      unsent = message;
      unsentFds = fds;
      return flush();
    } finally {
      sendLock.unlock();
    }
  }

  /**
   * Sends what {@link #post} has left.
   *
   * @return whether all of it has gone
   */
  public boolean flush() throws LinuxException {
    sendLock.lock();
    try {
      ByteBuffer message = unsent;
      while (message != null && message.hasRemaining()) {
        // Descriptors go with the first byte.
        int[] fds = message.position() == 0 ? unsentFds : NO_FDS;
        long n = socket.send(MemorySegment.ofBuffer(message), false, fds);
        if (n == UnixSocket.WOULD_BLOCK) {
          return false;
        }
        message.position(message.position() + (int) n);
      }
      unsent = null;
      return true;
    } finally {
      sendLock.unlock();
    }
  }

  /** Ends the connection for both sides; a thread that receives here returns. */
  public void shutdown() {
    socket.shutdown();
  }

  /** Nobody sends or receives then. Idempotent. */
  @Override
  public void close() {
    socket.close();
    while (!fds.isEmpty()) {
      NativeFile.adopt(Path.of("unused"), fds.removeFirst()).close();
    }
  }
}
