package io.nvmedirect.address;

import io.nvmedirect.concurrent.Clock;
import io.nvmedirect.emulator.Emulator;
import io.nvmedirect.emulator.EmulatorOptions;
import io.nvmedirect.pcie.VfioAddress;
import io.nvmedirect.pcie.VfioFunction;
import io.nvmedirect.pcie.VfioUserAddress;
import io.nvmedirect.pcie.VfioUserFunction;
import io.nvmedirect.queue.RingTransport;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The table of addresses: which transport opens what. */
public final class Addresses {

  private Addresses() {}

  /**
   * A controller that was found at an address.
   *
   * @param namespace the address's, or 0 if it names none
   * @param clock for what the host does with it
   */
  public record Target(Transport transport, int namespace, Clock clock) {

    Target(Transport transport, int namespace) {
      this(transport, namespace, Clock.SYSTEM);
    }
  }

  /** Opens one more kind of address. */
  @FunctionalInterface
  public interface Connector {

    /** See {@link Addresses#connect}. */
    Target connect(String address, boolean readOnly) throws IOException;
  }

  private static final Map<String, Connector> MORE = new ConcurrentHashMap<>();

  /**
   * Adds a kind of address, for modules of this project: benchmarks and simulations, which make devices of
   * their own.
   *
   * @param kind what stands before the colon
   */
  public static void register(String kind, Connector connector) {
    MORE.put(kind, connector);
  }

  /**
   * Connects to the controller at an address, whatever its kind.
   *
   * @param readOnly whether nothing will be changed there, so that others may use it meanwhile
   * @throws NvmeException if there is none, or it cannot be reached; the message names the address
   */
  public static Target connect(String address, boolean readOnly) throws IOException {
    if (VfioAddress.matches(address)) {
      VfioAddress parsed = VfioAddress.parse(address);
      return new Target(new RingTransport(VfioFunction.open(parsed)), parsed.namespace());
    }
    int colon = address.indexOf(':');
    String kind = colon < 0 ? "" : address.substring(0, colon);
    Connector more = MORE.get(kind);
    if (more != null) {
      return more.connect(address, readOnly);
    }
    return switch (kind) {
      case "mem", "file" -> {
        EmulatorOptions parsed = EmulatorOptions.parse(address);
        Emulator emulator = Emulator.open(readOnly ? parsed.asReadOnly() : parsed);
        yield new Target(new RingTransport(emulator), 0);
      }
      case "vfio-user" -> {
        VfioUserAddress parsed = VfioUserAddress.parse(address);
        yield new Target(new RingTransport(VfioUserFunction.open(parsed)), parsed.namespace());
      }
      default ->
          throw new NvmeException(
              "cannot open %s: no such kind of address; give pci:0000:01:00.0 (nvmed list shows them), mem:SIZE (for example mem:256MiB), file:PATH or vfio-user:/PATH/TO/SOCKET"
                  .formatted(address));
    };
  }
}
