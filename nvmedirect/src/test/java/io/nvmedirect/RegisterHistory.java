package io.nvmedirect;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What happened to one place that holds a value: reads and writes, each with the moments of its begin and
 * end. Tells whether there is an order of them that explains every value read, in which each takes place
 * between its begin and its end.
 */
final class RegisterHistory {

  /** A write, or a read that gave a value. Moments are of one counter and all different. */
  record Access(long begin, long end, boolean write, long value, String what) {
    @Override
    public String toString() {
      return "%d-%d %s %s %x".formatted(begin, end, what, write ? "wrote" : "read", value);
    }
  }

  /** What was done up to some moment, and the value then. */
  private record State(long done, long value) {}

  private final List<Access> accesses = new ArrayList<>();

  void add(Access access) {
    accesses.add(access);
    if (accesses.size() > Long.SIZE) {
      throw new IllegalStateException("a round has at most 64 accesses of one place");
    }
  }

  /**
   * The values that the place may have at the end.
   *
   * @param initial those that it may have at the beginning
   * @return none if there is no such order
   */
  Set<Long> finals(Set<Long> initial) {
    List<Access> sorted = new ArrayList<>(accesses);
    sorted.sort(Comparator.comparingLong(Access::begin));
    Set<Long> finals = new HashSet<>();
    Set<State> seen = new HashSet<>();
    for (long value : initial) {
      explore(sorted, new State(0, value), seen, finals);
    }
    return finals;
  }

  private static void explore(
      List<Access> accesses, State state, Set<State> seen, Set<Long> finals) {
    if (!seen.add(state)) {
      return;
    }
    long firstEnd = Long.MAX_VALUE;
    for (int i = 0; i < accesses.size(); i++) {
      if ((state.done & 1L << i) == 0) {
        firstEnd = Math.min(firstEnd, accesses.get(i).end);
      }
    }
    if (firstEnd == Long.MAX_VALUE) {
      finals.add(state.value);
      return;
    }
    for (int i = 0; i < accesses.size(); i++) {
      Access access = accesses.get(i);
      // What begins after another one has ended comes after it.
      boolean next = (state.done & 1L << i) == 0 && access.begin < firstEnd;
      if (next && (access.write || access.value == state.value)) {
        explore(accesses, new State(state.done | 1L << i, access.value), seen, finals);
      }
    }
  }

  @Override
  public String toString() {
    StringBuilder all = new StringBuilder();
    accesses.stream()
        .sorted(Comparator.comparingLong(Access::begin))
        .forEach(access -> all.append("\n  ").append(access));
    return all.toString();
  }
}
