package io.nvmedirect.emulator;

import io.nvmedirect.spec.LogPage;
import io.nvmedirect.spec.Status;

/**
 * Asynchronous events (NVMe 1.4, section 5.2). An event waits for a request, and a reported one masks
 * its type until the host reads its log page without RAE. Owned by the engine.
 */
final class AsyncEvents {

  /** Requests that may be outstanding: AERL + 1. */
  static final int LIMIT = 4;

  // Indices into RESULTS.
  static final int INVALID_DOORBELL_REGISTER = 0;
  static final int INVALID_DOORBELL_VALUE = 1;
  static final int TEMPERATURE = 2;
  static final int NAMESPACE_CHANGED = 3;

  private static final int TYPE_ERROR = 0;
  private static final int TYPE_SMART = 1;
  private static final int TYPE_NOTICE = 2;

  /** DW0 of the completion (figure 146): log page in 23:16, information in 15:8, type in 2:0. */
  private static final int[] RESULTS = {
    LogPage.ERROR_INFORMATION << 16 | TYPE_ERROR,
    LogPage.ERROR_INFORMATION << 16 | 1 << 8 | TYPE_ERROR,
    LogPage.SMART << 16 | 1 << 8 | TYPE_SMART,
    LogPage.CHANGED_NAMESPACES << 16 | TYPE_NOTICE,
  };

  private final int[] requests = new int[LIMIT];
  private int requestCount;
  private int pending;
  private int maskedTypes;

  /** An event has happened. */
  void raise(int event) {
    pending |= 1 << event;
  }

  /** The host has read a log page without RAE: its events are over, and new ones are reported. */
  void logRead(int logPage) {
    for (int event = 0; event < RESULTS.length; event++) {
      if (RESULTS[event] >>> 16 == logPage) {
        pending &= ~(1 << event);
        maskedTypes &= ~(1 << type(event));
      }
    }
  }

  private static int type(int event) {
    return RESULTS[event] & 7;
  }

  /** Takes a request, which completes with an event. */
  int request(int cid) {
    if (requestCount == LIMIT) {
      return Status.ASYNC_EVENT_LIMIT_EXCEEDED | Status.DNR;
    }
    requests[requestCount++] = cid;
    return AdminExecutor.NO_COMPLETION;
  }

  /** Whether a request with this identifier is outstanding. */
  boolean isRequested(int cid) {
    for (int i = 0; i < requestCount; i++) {
      if (requests[i] == cid) {
        return true;
      }
    }
    return false;
  }

  /** Forgets a request; whether there was one. */
  boolean abort(int cid) {
    for (int i = 0; i < requestCount; i++) {
      if (requests[i] == cid) {
        removeRequest(i);
        return true;
      }
    }
    return false;
  }

  private void removeRequest(int index) {
    requestCount--;
    System.arraycopy(requests, index + 1, requests, index, requestCount - index);
  }

  /** The event to report now; −1 if there is none, or no request to report it with. */
  int next() {
    if (pending == 0 || requestCount == 0) {
      return -1;
    }
    for (int event = 0; event < RESULTS.length; event++) {
      if ((pending & 1 << event) != 0 && (maskedTypes & 1 << type(event)) == 0) {
        return event;
      }
    }
    return -1;
  }

  static int result(int event) {
    return RESULTS[event];
  }

  /** Reports an event of {@link #next}: gives the command identifier of its request. */
  int report(int event) {
    pending &= ~(1 << event);
    maskedTypes |= 1 << type(event);
    int cid = requests[0];
    removeRequest(0);
    return cid;
  }

  void reset() {
    requestCount = 0;
    pending = 0;
    maskedTypes = 0;
  }
}
