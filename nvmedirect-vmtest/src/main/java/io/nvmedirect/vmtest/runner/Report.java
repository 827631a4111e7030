package io.nvmedirect.vmtest.runner;

import io.nvmedirect.vmtest.report.Event;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Sends events to the host, each as one write, from any thread. */
final class Report implements Closeable {

  private final OutputStream out;
  private boolean broken;

  Report(OutputStream out) {
    this.out = out;
  }

  synchronized void send(Event event) {
    if (broken) {
      return;
    }
    try {
      out.write((event.encode() + "\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
    } catch (IOException e) {
      // The host fails what it hears no more of.
      broken = true;
      e.printStackTrace();
    }
  }

  @Override
  public synchronized void close() throws IOException {
    out.close();
  }
}
