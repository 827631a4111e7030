package io.nvmedirect.driver;

import org.jspecify.annotations.Nullable;

/** A first-in-first-out list of requests, linked through themselves. */
final class RequestList {

  private @Nullable BlockRequest head;
  private @Nullable BlockRequest tail;

  void add(BlockRequest request) {
    if (tail == null) {
      head = request;
    } else {
      tail.next = request;
    }
    tail = request;
  }

  /** Moves all of another list to the end of this one. */
  void append(RequestList other) {
    BlockRequest first = other.head;
    if (first == null) {
      return;
    }
    BlockRequest last = other.tail;
    add(first);
    tail = last;
    other.head = null;
    other.tail = null;
  }

  /** The first request, which stays on the list; null if there is none. */
  @Nullable BlockRequest first() {
    return head;
  }

  boolean isEmpty() {
    return head == null;
  }

  /** Takes the first request off the list; there must be one. */
  void removeFirst() {
    BlockRequest first = head;
    if (first != null) {
      head = first.unlink();
      if (head == null) {
        tail = null;
      }
    }
  }

  /** Empties the list and returns its requests, still linked. */
  @Nullable BlockRequest takeAll() {
    BlockRequest first = head;
    head = null;
    tail = null;
    return first;
  }
}
