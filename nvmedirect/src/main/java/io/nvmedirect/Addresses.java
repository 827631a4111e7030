package io.nvmedirect;

import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.transport.Transport;
import java.io.IOException;

/** The table of addresses: which transport opens what. */
final class Addresses {

  private Addresses() {}

  static Transport connect(String address) throws IOException {
    int colon = address.indexOf(':');
    return switch (colon < 0 ? "" : address.substring(0, colon)) {
      case "mem", "file" -> new RingTransport(Emulator.open(EmulatorOptions.parse(address)));
      default ->
          throw new NvmeException(
              "cannot open %s: no such kind of address; give mem:SIZE (for example mem:256MiB) or file:PATH"
                  .formatted(address));
    };
  }
}
