package io.nvmedirect.driver;

import io.nvmedirect.spec.Cns;
import io.nvmedirect.spec.ErrorLogEntry;
import io.nvmedirect.spec.Feature;
import io.nvmedirect.spec.IdentifyController;
import io.nvmedirect.spec.IdentifyNamespace;
import io.nvmedirect.spec.LogPage;
import io.nvmedirect.spec.NamespaceDescriptors;
import io.nvmedirect.spec.SmartLog;
import io.nvmedirect.spec.Sqe;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The data structures that a controller returns: Identify (NVMe 1.4, section 5.15) and log pages
 * (section 5.14), and features (section 5.21). Any thread.
 */
public final class ControllerPages {

  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final AdminQueue admin;

  ControllerPages(AdminQueue admin) {
    this.admin = admin;
  }

  /** Identify Controller. */
  public IdentifyController controller() throws IOException {
    return admin.fetch(
        "Identify Controller",
        (ring, at) -> Sqe.identify(ring, at, Cns.CONTROLLER, 0),
        Cns.BYTES,
        IdentifyController::decode);
  }

  /** The identifiers of the active namespaces, ascending. */
  public List<Integer> activeNamespaces() throws IOException {
    List<Integer> ids = new ArrayList<>();
    int page = Cns.BYTES / Integer.BYTES;
    int last = 0;
    int found;
    do {
      int after = last;
      List<Integer> more =
          admin.fetch(
              "Identify (active namespaces)",
              (ring, at) -> Sqe.identify(ring, at, Cns.ACTIVE_NAMESPACES, after),
              Cns.BYTES,
              ControllerPages::decodeIds);
      ids.addAll(more);
      found = more.size();
      last = found == 0 ? last : more.getLast();
    } while (found == page);
    return ids;
  }

  private static List<Integer> decodeIds(MemorySegment data) {
    List<Integer> ids = new ArrayList<>();
    for (long at = 0; at < data.byteSize() && data.get(U32, at) != 0; at += Integer.BYTES) {
      ids.add(data.get(U32, at));
    }
    return ids;
  }

  /** Identify Namespace. */
  public IdentifyNamespace namespace(int nsid) throws IOException {
    return admin.fetch(
        "Identify Namespace " + nsid,
        (ring, at) -> Sqe.identify(ring, at, Cns.NAMESPACE, nsid),
        Cns.BYTES,
        IdentifyNamespace::decode);
  }

  /** The identifiers of a namespace that stay with it for life. */
  public NamespaceDescriptors namespaceDescriptors(int nsid) throws IOException {
    return admin.fetch(
        "Identify (descriptors of namespace " + nsid + ")",
        (ring, at) -> Sqe.identify(ring, at, Cns.NAMESPACE_DESCRIPTORS, nsid),
        Cns.BYTES,
        NamespaceDescriptors::decode);
  }

  /**
   * The current value of a feature (Get Features, section 5.9).
   *
   * @param feature one with {@link Feature#isValue}: for others the controller would write to memory
   * @param nsid for the features that a namespace has
   */
  public int feature(int feature, int nsid) throws IOException {
    if (!Feature.isValue(feature)) {
      throw new IllegalArgumentException(
          "feature 0x%02x has no value that can be got: give one of the constants of %s"
              .formatted(feature, Feature.class.getSimpleName()));
    }
    int of = feature == Feature.ERROR_RECOVERY ? nsid : 0;
    return admin.execute(
        "Get Features (0x%02x)".formatted(feature),
        (ring, at) -> Sqe.getFeatures(ring, at, of, feature),
        null,
        0);
  }

  /** The SMART log of the whole controller. */
  public SmartLog smartLog() throws IOException {
    return admin.fetch(
        "Get Log Page (SMART)",
        (ring, at) -> Sqe.getLogPage(ring, at, -1, LogPage.SMART, SmartLog.BYTES, 0),
        SmartLog.BYTES,
        SmartLog::decode);
  }

  /** Reads the log page that an event refers to, without RAE, which clears the event. */
  void readEventLog(int log) throws IOException {
    int length =
        switch (log) {
          case LogPage.ERROR_INFORMATION -> ErrorLogEntry.BYTES;
          case LogPage.CHANGED_NAMESPACES -> Cns.BYTES;
          default -> SmartLog.BYTES;
        };
    admin.fetch(
        "Get Log Page (0x%02x, for an event)".formatted(log),
        (ring, at) -> Sqe.getLogPage(ring, at, -1, log, length, 0),
        length,
        data -> data);
  }

  /**
   * The entries of the Error Information log, newest first.
   *
   * @param most entries that the controller keeps; at most 64 are read
   */
  public List<ErrorLogEntry> errorLog(int most) throws IOException {
    int entries = Math.min(most, Cns.BYTES / ErrorLogEntry.BYTES);
    int length = entries * ErrorLogEntry.BYTES;
    return admin.fetch(
        "Get Log Page (Error Information)",
        (ring, at) -> Sqe.getLogPage(ring, at, -1, LogPage.ERROR_INFORMATION, length, 0),
        length,
        data -> {
          List<ErrorLogEntry> log = new ArrayList<>();
          for (int i = 0; i < entries; i++) {
            ErrorLogEntry entry = ErrorLogEntry.decode(data, (long) i * ErrorLogEntry.BYTES);
            if (entry.errorCount() != 0) {
              log.add(entry);
            }
          }
          return log;
        });
  }
}
