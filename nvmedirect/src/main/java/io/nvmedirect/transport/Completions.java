package io.nvmedirect.transport;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A batch of reaped completions, filled under a queue's lock and delivered outside of it. Owned by
 * the thread that reaps.
 */
public final class Completions {

  private final @Nullable CompletionListener[] listeners;
  private final int[] statuses;
  private final int[] results;
  private int size;

  /** A batch with room for {@code capacity} completions. */
  public Completions(int capacity) {
    listeners = new CompletionListener[capacity];
    statuses = new int[capacity];
    results = new int[capacity];
  }

  public int size() {
    return size;
  }

  public boolean isFull() {
    return size == statuses.length;
  }

  /** Adds a completion; the batch must not be full. */
  public void add(CompletionListener listener, int status, int result) {
    int i = size;
    listeners[i] = listener;
    statuses[i] = status;
    results[i] = result;
    size = i + 1;
  }

  /** Tells every listener and empties the batch. What listeners throw comes out after the last. */
  public void deliver() {
    int n = size;
    RuntimeException thrown = null;
    for (int i = 0; i < n; i++) {
      try {
        Objects.requireNonNull(listeners[i]).onCompletion(statuses[i], results[i]);
      } catch (RuntimeException e) {
        thrown = merge(thrown, e);
      }
    }
    Arrays.fill(listeners, 0, n, null);
    size = 0;
    if (thrown != null) {
      throw thrown;
    }
  }

  @SuppressWarnings("ReferenceEquality") // an exception cannot suppress itself
  private static RuntimeException merge(@Nullable RuntimeException first, RuntimeException next) {
    if (first == null) {
      return next;
    }
    if (first != next) {
      first.addSuppressed(next);
    }
    return first;
  }
}
