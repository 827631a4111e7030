package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import io.nvmedirect.linux.EventWait;
import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.queue.InterruptVector;

/** A waiter on the eventfd of an MSI-X vector, with an eventfd of its own to wake it. */
final class VfioVector implements InterruptVector {

  private final EventFd wake;
  private final EventWait wait;

  private VfioVector(EventFd wake, EventWait wait) {
    this.wake = wake;
    this.wait = wait;
  }

  static VfioVector on(EventFd vector) throws LinuxException {
    EventFd wake = EventFd.create();
    try {
      return new VfioVector(wake, EventWait.on(vector, wake));
    } catch (LinuxException e) {
      wake.close();
      throw e;
    }
  }

  @Override
  public boolean await(long timeoutNs) throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    try {
      return wait.await(timeoutNs);
    } catch (LinuxException e) {
      throw new IllegalStateException("the wait for an interrupt failed", e);
    }
  }

  @Override
  public void wake() {
    wake.signal();
  }

  @Override
  public void close() {
    wait.close();
    wake.close();
  }
}
