package io.nvmedirect.driver;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.linux.SafeLogger;
import io.nvmedirect.spec.Feature;
import io.nvmedirect.spec.IdentifyController;
import io.nvmedirect.spec.LogPage;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Sqe;
import io.nvmedirect.spec.Status;
import io.nvmedirect.transport.CompletionListener;
import io.nvmedirect.transport.QueuePair;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The Asynchronous Event Requests of a controller that tells of changed namespaces (NVMe 1.4, section
 * 5.2), and what follows from their events. The admin lock owns it, but for {@link #hasEvents}.
 *
 * <p>No thread waits for events. A completed request shows in memory, so that whoever is about to submit
 * to an idle queue, or looks at deadlines, sees it by one load, and acts on it before it goes on.
 */
final class EventRequests implements CompletionListener {

  private static final System.Logger LOG = SafeLogger.of(EventRequests.class);

  /** A type of event is masked once it was reported, so that more than one of each need none. */
  private static final int MOST = 3;

  /** A controller that is not ready for an Identify gets a second in all. */
  private static final int MOST_ATTEMPTS = 100;

  private static final long ATTEMPT_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final int TYPE_MASK = 7;
  private static final int TYPE_NOTICE = 2;
  private static final int FIRST_VENDOR_LOG = 0xC0;

  private final String name;
  private final AdminQueue admin;
  private final ControllerPages pages;
  private final Clock clock;

  /** What open devices rely on. */
  private final List<Namespace> watched = new ArrayList<>();

  /** Requests to have outstanding; 0 if there is nothing to ask for, or they were refused. */
  private int wanted;

  private int outstanding;

  /** DW0 of the events that were taken and not acted on. */
  private final List<Integer> taken = new ArrayList<>();

  /** Whether there are any; written under the lock. */
  private volatile boolean pending;

  EventRequests(String name, AdminQueue admin, ControllerPages pages, Clock clock) {
    this.name = name;
    this.clock = clock;
    this.admin = admin;
    this.pages = pages;
  }

  /** Asks an enabled controller for the events that it offers; also after a reset, which forgets it. */
  void start(IdentifyController identify) throws IOException {
    wanted = 0;
    if (!identify.reportsNamespaceChanges()) {
      return;
    }
    int events = Feature.EVENT_NAMESPACE_CHANGED;
    try {
      admin.execute(
          "Set Features (Asynchronous Event Configuration)",
          (ring, at) -> Sqe.setFeatures(ring, at, 0, Feature.ASYNC_EVENT_CONFIGURATION, events),
          null,
          0);
    } catch (NvmeException e) {
      LOG.log(System.Logger.Level.WARNING, name + ": going on without asynchronous events", e);
      return;
    }
    // One slot is left for the command that a thread waits for.
    int most = Math.min(MOST, admin.pair().capacity() - 1);
    wanted = Math.min(most, identify.asyncEventLimit());
    arm();
  }

  private void arm() {
    QueuePair pair = admin.pair();
    while (outstanding < wanted) {
      long at = pair.claim();
      if (at == QueuePair.FULL) {
        break;
      }
      Sqe.asyncEventRequest(pair.entries(), at);
      pair.post(null, 0, 0, this);
      outstanding++;
    }
    pair.ring();
  }

  @Override
  public void onCompletion(int status, int result) {
    outstanding--;
    if (status == 0) {
      taken.add(result);
      pending = true;
    } else if (Status.codes(status) != Status.ABORTED_BY_HOST) {
      // What it refuses once it will refuse again: asking for ever would keep both sides busy.
      wanted = outstanding;
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: Asynchronous Event Request: {1}",
          name,
          Status.describe(status));
    }
  }

  /** Whether {@link #act} has something to do. Cheap, and for any thread. */
  boolean hasEvents() {
    return admin.pair().hasCompletion() || pending;
  }

  /** Acts on events that were reported. The caller holds the admin lock, and executes no command. */
  void act() {
    admin.pair().reap(admin.pair().capacity());
    if (!pending) {
      return;
    }
    List<Integer> events = List.copyOf(taken);
    taken.clear();
    pending = false;
    boolean namespaces = false;
    for (int event : events) {
      clear(event);
      namespaces |= (event & TYPE_MASK) == TYPE_NOTICE;
    }
    if (namespaces) {
      identifyAgain();
    }
    arm();
  }

  /** Reads the log page of an event without RAE: until then the controller masks events of its type. */
  private void clear(int event) {
    int log = event >>> 16 & 0xFF;
    LOG.log(
        log == LogPage.CHANGED_NAMESPACES ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING,
        "{0}: asynchronous event of type {1}, information 0x{2}, log page 0x{3}",
        name,
        event & TYPE_MASK,
        Integer.toHexString(event >>> 8 & 0xFF),
        Integer.toHexString(log));
    if (log == 0 || log >= FIRST_VENDOR_LOG) {
      return;
    }
    try {
      pages.readEventLog(log);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, name + ": the event is not cleared", e);
    }
  }

  // ---- Namespaces.

  /** Takes a namespace that was just identified, to end its I/O when it changes. */
  void watch(Namespace namespace) {
    watched.add(namespace);
  }

  /** Takes out those with an identifier, which the caller is about to change itself. */
  List<Namespace> release(int nsid) {
    List<Namespace> released = watched.stream().filter(of -> of.id() == nsid).toList();
    watched.removeAll(released);
    return released;
  }

  /**
   * Identifies all namespaces that are in use, and ends the I/O of those that have changed: not only those
   * of the Changed Namespace List, which is empty once somebody else has read it.
   */
  void identifyAgain() {
    for (Namespace namespace : List.copyOf(watched)) {
      String what = difference(namespace);
      if (what != null) {
        String message =
            "namespace %d of %s %s by another host: open it again"
                .formatted(namespace.id(), name, what);
        LOG.log(System.Logger.Level.WARNING, message);
        namespace.changed(message);
        watched.remove(namespace);
      }
    }
  }

  private @Nullable String difference(Namespace namespace) {
    for (int attempt = 1; ; attempt++) {
      try {
        return namespace.difference(pages.namespace(namespace.id()));
      } catch (NvmeException e) {
        if (e.hasStatus() && Status.codes(e.status()) == Status.INVALID_NAMESPACE) {
          return "was detached or deleted";
        }
        if (attempt == MOST_ATTEMPTS || !mayPass(e)) {
          return unknown(e);
        }
      } catch (IOException e) {
        return unknown(e);
      }
      clock.parkNanos(this, ATTEMPT_PAUSE_NS);
    }
  }

  /** Whether the controller has answered, and may answer otherwise: after a reset it may not be ready yet. */
  private static boolean mayPass(NvmeException e) {
    return e.hasStatus() && !e.doNotRetry() && Status.codes(e.status()) != Status.ABORTED_BY_HOST;
  }

  /** A transfer of a wrong length may be worse than none. */
  private static String unknown(IOException cause) {
    return "may have been changed (%s)".formatted(cause.getMessage());
  }
}
