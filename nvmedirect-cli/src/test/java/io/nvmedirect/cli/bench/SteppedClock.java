package io.nvmedirect.cli.bench;

/** A clock that goes on when somebody looks at it or waits, and not by itself. */
final class SteppedClock implements Clock {

  private static final long LOOK_NS = 100;

  private long nowNs = 1;

  @Override
  public long nowNs() {
    nowNs += LOOK_NS;
    return nowNs;
  }

  @Override
  public void park(long ns) {
    nowNs += ns;
  }

  @Override
  public void spin() {
    nowNs += LOOK_NS;
  }
}
