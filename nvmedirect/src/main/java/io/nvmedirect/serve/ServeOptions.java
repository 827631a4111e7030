package io.nvmedirect.serve;

import io.nvmedirect.emulator.Subsystem;

/**
 * What each client of an {@link NvmeServer} may use.
 *
 * @param queues I/O queue pairs, 1 to 64
 * @param namespace the only namespace that clients see, by its identifier, from 1; 0 for all of them
 * @param readOnly whether commands that change data fail; the device is then opened for reading only, and may be in
 *     use
 */
public record ServeOptions(int queues, int namespace, boolean readOnly) {

  private static final int MOST_QUEUES = 64;
  private static final ServeOptions DEFAULTS = new ServeOptions(MOST_QUEUES, 0, false);

  public ServeOptions {
    if (queues < 1 || queues > MOST_QUEUES) {
      throw new IllegalArgumentException(
          "a client has 1 to %d queues: queues=%d".formatted(MOST_QUEUES, queues));
    }
    if (namespace < 0) {
      throw new IllegalArgumentException("a namespace is 1 or more, or 0: namespace=" + namespace);
    }
  }

  /** 64 queues, all namespaces, reading and writing. */
  public static ServeOptions defaults() {
    return DEFAULTS;
  }

  public ServeOptions withQueues(int queues) {
    return new ServeOptions(queues, namespace, readOnly);
  }

  public ServeOptions withNamespace(int namespace) {
    return new ServeOptions(queues, namespace, readOnly);
  }

  public ServeOptions withReadOnly(boolean readOnly) {
    return new ServeOptions(queues, namespace, readOnly);
  }

  Subsystem.Limits limits() {
    return new Subsystem.Limits(queues, namespace, readOnly);
  }
}
