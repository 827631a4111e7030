package io.nvmedirect.cache;

import java.util.Arrays;

/**
 * Frames in the order of their last use: a ring of links in two arrays, with a sentinel at index 0
 * and frame f at index f + 1. After the sentinel comes the frame used last, before it the one used
 * longest ago.
 */
final class LruList {

  static final int NONE = -1;

  private int[] next;
  private int[] previous;

  LruList(int capacity) {
    next = new int[capacity + 1];
    previous = new int[capacity + 1];
  }

  /** Makes room for at least as many frames. */
  void grow(int capacity) {
    if (capacity >= next.length) {
      int[] newNext = Arrays.copyOf(next, capacity + 1);
      previous = Arrays.copyOf(previous, capacity + 1);
      next = newNext;
    }
  }

  /** Adds a frame that is not in the list as the one used last. */
  void add(int frame) {
    link(0, frame + 1, next[0]);
  }

  void remove(int frame) {
    int node = frame + 1;
    next[previous[node]] = next[node];
    previous[next[node]] = previous[node];
  }

  /** Makes a frame of the list the one used last. */
  void touch(int frame) {
    if (next[0] != frame + 1) {
      remove(frame);
      add(frame);
    }
  }

  /** Puts a frame that is not in the list in the place of one that is. */
  void replace(int frame, int by) {
    link(previous[frame + 1], by + 1, next[frame + 1]);
  }

  /** The frame used longest ago, or NONE. */
  int oldest() {
    return previous[0] - 1;
  }

  /** The frame used next after this one, or NONE. */
  int newerThan(int frame) {
    return previous[frame + 1] - 1;
  }

  private void link(int before, int node, int after) {
    previous[node] = before;
    next[node] = after;
    next[before] = node;
    previous[after] = node;
  }
}
