package io.nvmedirect.emulator;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.spec.NvmeException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Namespaces that several controllers share, each with a host of its own. One thread owns it with all of
 * its controllers, so that none of them sees half of what another one writes.
 */
public final class Subsystem implements AutoCloseable {

  /**
   * What a host may use.
   *
   * @param queues I/O queue pairs, 1 to 64
   * @param namespace the only one that the host sees, as its first; or 0 for all of them
   * @param readOnly whether commands that change data fail
   */
  public record Limits(int queues, int namespace, boolean readOnly) {

    /** Everything. */
    public static final Limits NONE = new Limits(DeviceQueues.IO_QUEUES, 0, false);

    public Limits {
      if (queues < 1 || queues > DeviceQueues.IO_QUEUES) {
        throw new IllegalArgumentException(
            "a host has 1 to %d queues: queues=%d".formatted(DeviceQueues.IO_QUEUES, queues));
      }
      if (namespace < 0) {
        throw new IllegalArgumentException(
            "a namespace is 1 or more, or 0 for all: namespace=" + namespace);
      }
    }
  }

  private static final AtomicInteger COUNT = new AtomicInteger();

  private final String name;
  private final String identity;
  private final Traits traits;
  private final Media media;
  private final @Nullable Forwarding forwarding;
  private final EmulatedNamespace[] namespaces;
  private final Clock clock;
  private final @Nullable DeviceModel model;
  private final List<EmulatedController> controllers = new ArrayList<>();

  private Subsystem(
      String name,
      String identity,
      Traits traits,
      Media media,
      @Nullable Forwarding forwarding,
      EmulatedNamespace[] namespaces,
      @Nullable DeviceModel model,
      Clock clock) {
    this.name = name;
    this.identity = identity;
    this.traits = traits;
    this.media = media;
    this.forwarding = forwarding;
    this.namespaces = namespaces;
    this.clock = clock;
    this.model = model;
  }

  /**
   * Opens the memory or the file of an embedded controller.
   *
   * @throws NvmeException if its memory cannot be reserved, or its file cannot be used
   */
  public static Subsystem open(EmulatorOptions options, Clock clock) throws NvmeException {
    Path path = options.path();
    if (path == null) {
      return of(options, memory(options), "mem/" + COUNT.incrementAndGet(), clock);
    }
    String identity = "file/" + path.toAbsolutePath().normalize();
    return of(options, FileMedia.open(options, path), identity, clock);
  }

  private static MemoryMedia memory(EmulatorOptions options) throws NvmeException {
    try {
      return MemoryMedia.allocate(options.sizeBytes());
    } catch (LinuxException e) {
      throw new NvmeException(
          "%s: cannot reserve %d bytes of memory; choose a smaller size"
              .formatted(options.address(), options.sizeBytes()),
          e);
    }
  }

  /** Makes one of media that it closes in the end. */
  static Subsystem of(EmulatorOptions options, Media media, String identity, Clock clock) {
    DeviceModel model =
        options.model() == EmulatorOptions.Model.FLASH ? new FlashModel(clock.nanoTime()) : null;
    return of(options, media, identity, model, clock);
  }

  /** Likewise, with a model of how long commands take; null if they take no time. */
  static Subsystem of(
      EmulatorOptions options,
      Media media,
      String identity,
      @Nullable DeviceModel model,
      Clock clock) {
    EmulatedNamespace[] namespaces = new EmulatedNamespace[options.namespaces()];
    long share = media.sizeBytes() / namespaces.length;
    for (int i = 0; i < namespaces.length; i++) {
      namespaces[i] = new EmulatedNamespace(i + 1, i * share, share, options.lbaBytes());
    }
    return new Subsystem(
        options.address(), identity, Traits.of(options), media, null, namespaces, model, clock);
  }

  /**
   * Makes one whose blocks are another device's, which it closes in the end.
   *
   * @param name the device's address
   */
  public static Subsystem over(BlockDevice device, String name) {
    EmulatedNamespace[] namespaces = new EmulatedNamespace[device.namespaces()];
    for (int i = 0; i < namespaces.length; i++) {
      namespaces[i] = EmulatedNamespace.of(device, i + 1);
    }
    return new Subsystem(
        name,
        "over/" + name,
        Traits.of(device),
        new AbsentMedia(),
        new Forwarding(device),
        namespaces,
        null,
        Clock.SYSTEM);
  }

  /** For all times of its controllers. */
  public Clock clock() {
    return clock;
  }

  String identity() {
    return identity;
  }

  Media media() {
    return media;
  }

  @Nullable Forwarding forwarding() {
    return forwarding;
  }

  EmulatedNamespace[] namespaces() {
    return namespaces;
  }

  @Nullable DeviceModel model() {
    return model;
  }

  /** The lowest CNTLID that no controller has, from 1. */
  int freeControllerId() {
    int id = 1;
    for (int taken : controllerIds()) {
      id += id == taken ? 1 : 0;
    }
    return id;
  }

  /** Those of all controllers, ascending. */
  int[] controllerIds() {
    return controllers.stream().mapToInt(controller -> controller.id).sorted().toArray();
  }

  void add(EmulatedController controller) {
    controllers.add(controller);
  }

  void remove(EmulatedController controller) {
    controllers.remove(controller);
  }

  /** Whether a host has a namespace in use, through another controller than {@code except}. */
  boolean isHeldByOthers(EmulatedController except, EmulatedNamespace namespace) {
    for (EmulatedController controller : controllers) {
      if (!controller.equals(except) && controller.holds(namespace)) {
        return true;
      }
    }
    return false;
  }

  /** A host has changed a namespace: all are told. */
  void namespaceChanged(EmulatedNamespace namespace) {
    for (EmulatedController controller : controllers) {
      controller.namespaceChanged(namespace);
    }
  }

  /**
   * Throws unless a host with these limits has something to use.
   *
   * @throws NvmeException if there is no such namespace
   */
  public void check(Limits limits) throws NvmeException {
    if (limits.namespace() > namespaces.length) {
      throw new NvmeException(
          "%s has no namespace %d: expected 1 to %d"
              .formatted(name, limits.namespace(), namespaces.length));
    }
  }

  /**
   * Makes a controller for a host.
   *
   * @throws NvmeException if there is no such namespace, or no memory for the doorbells
   */
  public RemoteController connect(Limits limits) throws NvmeException {
    check(limits);
    EmulatedNamespace[] visible =
        limits.namespace() == 0
            ? namespaces
            : new EmulatedNamespace[] {namespaces[limits.namespace() - 1]};
    try {
      return RemoteController.open(this, traits.limited(limits), visible);
    } catch (IOException e) {
      throw new NvmeException(name + ": no memory for the doorbells of a controller", e);
    }
  }

  /**
   * Takes what another device has completed, if it has the blocks; controllers do it when they are polled.
   *
   * @return how much that was
   */
  public int poll() {
    if (forwarding == null) {
      return 0;
    }
    int changed = forwarding.takeChanged();
    if (changed != 0) {
      adopt(forwarding, namespaces[changed - 1]);
    }
    return forwarding.poll();
  }

  /** Nobody could be refused: hosts that have it in use get errors until they have identified it again. */
  private void adopt(Forwarding device, EmulatedNamespace namespace) {
    device.adopt(namespace);
    for (EmulatedController controller : controllers) {
      controller.namespaceReplaced(namespace);
    }
    namespaceChanged(namespace);
  }

  /** Whether another device has something under way, of which nobody tells when it completes. */
  public boolean mustPoll() {
    return forwarding != null && !forwarding.isIdle();
  }

  void closeMedia() {
    media.close();
  }

  /** Lets go of the data; the controllers are closed. */
  @Override
  public void close() throws IOException {
    try {
      media.flush();
    } finally {
      media.close();
      if (forwarding != null) {
        forwarding.close();
      }
    }
  }
}
