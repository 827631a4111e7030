package io.nvmedirect.pcie;

import io.nvmedirect.linux.EventFd;
import java.io.IOException;
import java.util.List;

/** How a function is told of the eventfds of its MSI-X vectors. */
interface Msix {

  /** Vectors that the function has. */
  int available() throws IOException;

  /**
   * Gives each vector from 0 on its eventfd.
   *
   * @return 0 if that is done; else nothing has happened, and a positive number says for how many it
   *     could be
   */
  int enable(List<EventFd> events) throws IOException;

  /**
   * After a reset of the function: gives the vectors their eventfds again, if it has taken them away.
   *
   * @return 0 if they have them
   */
  int restore(List<EventFd> events) throws IOException;

  /** Disables all vectors. If that fails, closing the function does it. */
  void disable();
}
