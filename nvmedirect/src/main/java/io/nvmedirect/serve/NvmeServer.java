package io.nvmedirect.serve;

import io.nvmedirect.address.Addresses;
import io.nvmedirect.address.SystemFailure;
import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.emulator.Subsystem;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Gives a device to other processes: each that connects to one of its sockets finds an NVMe controller
 * there, by the vfio-user protocol, version 0.1. QEMU, SPDK and this library can be clients. What one
 * client has written all others read.
 *
 * <p>A socket has one client at a time; another one that connects is disconnected at once. Who may
 * connect is a matter of the permissions of the socket's file and directory. Clients are not trusted:
 * what one does ends its own connection at most. They trust the server, which has their memory mapped.
 *
 * <p>Any thread may call the methods. A thread of the server does the work; it is a daemon.
 */
public final class NvmeServer implements AutoCloseable {

  private final String device;
  private final Clients clients;
  private final ServerThread thread;
  private boolean closed;

  private NvmeServer(String device, Clients clients, ServerThread thread) {
    this.device = device;
    this.clients = clients;
    this.thread = thread;
  }

  /**
   * Opens a device for all clients that will come. Nobody can connect before {@link #listen}.
   *
   * @param device any address, as for {@link io.nvmedirect.NvmeDevice#open(String)}: {@code mem:SIZE} for
   *     memory of this process, {@code file:PATH} for a file, {@code pci:0000:01:00.0} for a disk that is
   *     shared among the clients
   * @throws NvmeException if there is no such device, it is in use, or has no such namespace
   */
  public static NvmeServer open(String device, ServeOptions options) throws IOException {
    return open(device, options, RegionLimit.DEFAULT);
  }

  /** Like the method above, with another limit, as servers of others have. */
  static NvmeServer open(String device, ServeOptions options, RegionLimit regions)
      throws IOException {
    try {
      return start(device, options, regions);
    } catch (IOException e) {
      throw SystemFailure.of(device, e);
    }
  }

  private static NvmeServer start(String device, ServeOptions options, RegionLimit regions)
      throws IOException {
    Subsystem subsystem = openDevice(device, options.readOnly());
    Clients clients = null;
    boolean good = false;
    try {
      // So that a namespace that is not there is an error now, and not when a client comes.
      subsystem.check(options.limits());
      clients = new Clients(subsystem, options.limits(), regions);
      ServerThread thread = new ServerThread(subsystem, clients);
      thread.start();
      good = true;
      return new NvmeServer(device, clients, thread);
    } finally {
      if (!good) {
        if (clients != null) {
          clients.close();
        }
        subsystem.close();
      }
    }
  }

  /** What is in this process already needs no way through a driver. */
  private static Subsystem openDevice(String device, boolean readOnly) throws IOException {
    if (device.startsWith("mem:") || device.startsWith("file:")) {
      EmulatorOptions parsed = EmulatorOptions.parse(device);
      return Subsystem.open(readOnly ? parsed.asReadOnly() : parsed, Clock.SYSTEM);
    }
    Addresses.Target target = Addresses.connect(device, readOnly);
    return Subsystem.over(
        ForwardedDevice.open(target.transport(), device, target.namespace()), device);
  }

  /**
   * Makes a socket where clients connect. The file of a server that was killed is replaced.
   *
   * @param socket a path of at most 107 bytes where no file is
   * @throws NvmeException if there is a file, or somebody listens there
   * @throws IOException if the socket cannot be made, such as in a directory that is not there
   * @throws IllegalStateException if the server is closed
   */
  public synchronized void listen(Path socket) throws IOException {
    if (closed || !thread.thread().isAlive()) {
      throw new IllegalStateException("the server is closed: device=" + device);
    }
    try {
      clients.add(Listener.open(socket));
    } catch (LinuxException e) {
      throw new NvmeException("cannot listen at %s: %s".formatted(socket, e.getMessage()), e);
    }
  }

  /**
   * Runs an action once the server has ended: it was closed, or it has failed by itself, and then {@link
   * #close} throws the reason. On the thread that ends it; on the caller's if it has ended already.
   */
  public void onEnd(Runnable action) {
    thread.ended().thenRun(action);
  }

  /** For tests: the thread that does the work. */
  ServerThread thread() {
    return thread;
  }

  @Override
  public String toString() {
    return "server of " + device;
  }

  /**
   * Disconnects all clients, deletes the sockets' files, writes out what clients have written, and
   * closes the device. Returns when that is done. Idempotent.
   *
   * @throws IOException if the device could not keep what was written, or the server has failed before;
   *     all is closed all the same
   */
  @Override
  public synchronized void close() throws IOException {
    if (!closed) {
      closed = true;
      thread.close();
    }
  }
}
