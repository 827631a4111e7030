package io.nvmedirect.emulator;

import io.nvmedirect.spec.NvmeException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an emulated controller is made of.
 *
 * @param address as the user gave it, for messages
 * @param path the file that keeps the blocks; null for memory
 * @param sizeBytes of all namespaces together, a multiple of {@link #unitBytes}, or {@link
 *     #SIZE_OF_FILE}
 * @param lbaBytes 512 or 4096
 * @param namespaces 1 to 64, of equal size
 * @param mdtsBytes most bytes of one transfer: 4096 × 2^n, or 0 for no limit
 * @param queues I/O queue pairs, 1 to 64
 * @param vectors interrupt vectors, 0 to 65; with 0 no queue can have interrupts
 * @param shadow whether Doorbell Buffer Config is offered
 * @param arbitration the best that is offered
 * @param sgl whether SGLs are taken as data pointers of I/O commands
 * @param readOnly whether commands that change data fail, and a file is opened for reading only
 */
public record EmulatorOptions(
    String address,
    @Nullable Path path,
    long sizeBytes,
    int lbaBytes,
    int namespaces,
    long mdtsBytes,
    int queues,
    int vectors,
    Model model,
    Mode mode,
    boolean shadow,
    Arbitration arbitration,
    Sgl sgl,
    boolean readOnly) {

  /** {@link #sizeBytes} of a file that must exist: its size counts. */
  public static final long SIZE_OF_FILE = -1;

  private static final int MAX_NAMESPACES = 64;
  private static final long DEFAULT_MDTS_BYTES = 512 << 10;
  private static final long MIN_PAGE_BYTES = 4096;

  /** The largest command has 65536 blocks of 4096 bytes; more limits nothing. */
  private static final long MAX_MDTS_BYTES = 256L << 20;

  private static final String SIZE_HINT = "expected bytes such as 4096, 64KiB, 256MiB or 1GiB";

  /** How long the media takes. */
  public enum Model {
    /** No data is moved or stored, and host memory is not touched: what is left is the protocol. */
    NULL,
    /** Data is stored, in no time. */
    RAM,
    /** Data is stored, with the latency and parallelism of a NAND SSD. */
    FLASH
  }

  /** Who executes the commands. */
  public enum Mode {
    /** The thread that rings the doorbell, before the doorbell returns: deterministic. */
    INLINE,
    /** A thread of the controller. */
    THREAD
  }

  /** How the controller chooses the queue whose commands it executes next. */
  public enum Arbitration {
    /** Round robin. */
    RR,
    /** Weighted round robin with urgent priority class, if the host chooses it; else round robin. */
    WRR
  }

  /** What SGLs a controller takes. */
  public enum Sgl {
    /** None: data pointers are PRPs. */
    OFF,
    /** Data blocks of any address and length. */
    ON,
    /** Data blocks whose address and length are multiples of 4. */
    DWORD
  }

  /** The same, but write protected. */
  public EmulatorOptions asReadOnly() {
    return new EmulatorOptions(
        address,
        path,
        sizeBytes,
        lbaBytes,
        namespaces,
        mdtsBytes,
        queues,
        vectors,
        model,
        mode,
        shadow,
        arbitration,
        sgl,
        true);
  }

  /** Bytes that the size is a multiple of: one block of each namespace. */
  public long unitBytes() {
    return (long) lbaBytes * namespaces;
  }

  /** Most bytes of one transfer, {@code Long.MAX_VALUE} for no limit. */
  long maxTransferBytes() {
    return mdtsBytes == 0 ? Long.MAX_VALUE : mdtsBytes;
  }

  /** MDTS as Identify Controller has it: n for 4096 × 2^n bytes, 0 for no limit. */
  int mdtsExponent() {
    return mdtsBytes == 0 ? 0 : Long.numberOfTrailingZeros(mdtsBytes / MIN_PAGE_BYTES);
  }

  /**
   * Parses {@code mem:SIZE[?options]} or {@code file:PATH[?options]}. Opens and changes nothing.
   *
   * @throws NvmeException that names the address, the bad value, and what would be right
   */
  public static EmulatorOptions parse(String address) throws NvmeException {
    return new Parser(address).parse();
  }

  /** The values seen so far. */
  private static final class Parser {
    private final String address;
    private final Set<String> seen = new HashSet<>();
    private @Nullable Path path;
    private long sizeBytes = SIZE_OF_FILE;
    private int lbaBytes = 512;
    private int namespaces = 1;
    private long mdtsBytes = DEFAULT_MDTS_BYTES;
    private int queues = DeviceQueues.IO_QUEUES;
    private int vectors = Interrupts.VECTORS;
    private Model model = Model.RAM;
    private @Nullable Mode mode;
    private boolean shadow;
    private Arbitration arbitration = Arbitration.RR;
    private Sgl sgl = Sgl.ON;
    private boolean readOnly;

    Parser(String address) {
      this.address = address;
    }

    EmulatorOptions parse() throws NvmeException {
      int question = address.indexOf('?');
      String target = question < 0 ? address : address.substring(0, question);
      if (target.startsWith("mem:")) {
        sizeBytes = size("size", target.substring(4));
        seen.add("size");
      } else if (target.startsWith("file:")) {
        path = path(target.substring(5));
      } else {
        throw bad("address", address, "expected mem:SIZE or file:PATH");
      }
      if (question >= 0) {
        for (String option : address.substring(question + 1).split("&", -1)) {
          option(option);
        }
      }
      return checked();
    }

    private Path path(String text) throws NvmeException {
      if (text.isEmpty()) {
        throw bad("path", text, "expected file:PATH, such as file:/tmp/disk.img?size=1GiB");
      }
      try {
        return Path.of(text);
      } catch (InvalidPathException e) {
        throw bad("path", text, e.getReason());
      }
    }

    private void option(String option) throws NvmeException {
      int equals = option.indexOf('=');
      if (equals <= 0) {
        throw bad("option", option, "expected name=value");
      }
      String name = option.substring(0, equals);
      String value = option.substring(equals + 1);
      if (name.equals("size") && path == null) {
        throw bad("option", option, "the size of memory stands behind mem:");
      }
      if (!seen.add(name)) {
        throw bad("option", option, name + " is given twice");
      }
      switch (name) {
        case "size" -> sizeBytes = size(name, value);
        case "lba" -> lbaBytes = lba(value);
        case "ns" -> namespaces = count(name, value, 1, MAX_NAMESPACES);
        case "mdts" -> mdtsBytes = mdts(value);
        case "queues" -> queues = count(name, value, 1, DeviceQueues.IO_QUEUES);
        case "vectors" -> vectors = count(name, value, 0, Interrupts.VECTORS);
        case "model" -> model = choice(name, value, Model.values());
        case "mode" -> mode = choice(name, value, Mode.values());
        case "shadow" -> shadow = onOff(name, value);
        case "arbitration" -> arbitration = choice(name, value, Arbitration.values());
        case "sgl" -> sgl = choice(name, value, Sgl.values());
        case "readonly" -> readOnly = onOff(name, value);
        default ->
            throw bad(
                "option",
                name,
                "expected size, lba, ns, mdts, queues, vectors, model, mode, shadow, arbitration, sgl or readonly");
      }
    }

    private int lba(String value) throws NvmeException {
      return switch (value) {
        case "512" -> 512;
        case "4096", "4k", "4K", "4KiB" -> 4096;
        default -> throw bad("lba", value, "expected 512 or 4096");
      };
    }

    private int count(String name, String value, int least, int most) throws NvmeException {
      int count = value.matches("[0-9]{1,3}") ? Integer.parseInt(value) : -1;
      if (count < least || count > most) {
        throw bad(name, value, "expected %d to %d".formatted(least, most));
      }
      return count;
    }

    private long mdts(String value) throws NvmeException {
      long bytes = bytes("mdts", value);
      boolean powerOfTwo = Long.bitCount(bytes) == 1;
      if (bytes != 0 && (!powerOfTwo || bytes <= MIN_PAGE_BYTES || bytes > MAX_MDTS_BYTES)) {
        throw bad("mdts", value, "expected a power of two from 8KiB to 256MiB, or 0 for no limit");
      }
      return bytes;
    }

    private <E extends Enum<E>> E choice(String name, String value, E[] values)
        throws NvmeException {
      StringBuilder names = new StringBuilder();
      for (E candidate : values) {
        String lower = candidate.name().toLowerCase(Locale.ROOT);
        if (lower.equals(value)) {
          return candidate;
        }
        names.append(names.isEmpty() ? "" : ", ").append(lower);
      }
      throw bad(name, value, "expected one of " + names);
    }

    private boolean onOff(String name, String value) throws NvmeException {
      return switch (value) {
        case "on" -> true;
        case "off" -> false;
        default -> throw bad(name, value, "expected on or off");
      };
    }

    private long size(String name, String value) throws NvmeException {
      long bytes = bytes(name, value);
      if (bytes == 0) {
        throw bad(name, value, SIZE_HINT);
      }
      return bytes;
    }

    private long bytes(String name, String value) throws NvmeException {
      int digits = 0;
      while (digits < value.length()
          && value.charAt(digits) >= '0'
          && value.charAt(digits) <= '9') {
        digits++;
      }
      int shift =
          switch (value.substring(digits).toLowerCase(Locale.ROOT)) {
            case "", "b" -> 0;
            case "k", "kib" -> 10;
            case "m", "mib" -> 20;
            case "g", "gib" -> 30;
            case "t", "tib" -> 40;
            default -> -1;
          };
      if (digits == 0 || digits > 18 || shift < 0) {
        throw bad(name, value, SIZE_HINT);
      }
      long count = Long.parseLong(value.substring(0, digits));
      if (count > Long.MAX_VALUE >>> (shift + 1)) {
        throw bad(name, value, "the size is too large");
      }
      return count << shift;
    }

    private EmulatorOptions checked() throws NvmeException {
      long unit = (long) lbaBytes * namespaces;
      if (sizeBytes != SIZE_OF_FILE && sizeBytes % unit != 0) {
        throw bad(
            "size",
            Long.toString(sizeBytes),
            "expected a multiple of %d (lba=%d × ns=%d)".formatted(unit, lbaBytes, namespaces));
      }
      if (model == Model.FLASH && mode == Mode.INLINE) {
        throw bad(
            "mode",
            "inline",
            "model=flash needs mode=thread, for inline executes on the thread that rings and cannot"
                + " complete a command later");
      }
      Mode chosen = mode != null ? mode : model == Model.FLASH ? Mode.THREAD : Mode.INLINE;
      return new EmulatorOptions(
          address,
          path,
          sizeBytes,
          lbaBytes,
          namespaces,
          mdtsBytes,
          queues,
          vectors,
          model,
          chosen,
          shadow,
          arbitration,
          sgl,
          readOnly);
    }

    private NvmeException bad(String what, String value, String right) {
      return new NvmeException("%s: bad %s \"%s\": %s".formatted(address, what, value, right));
    }
  }
}
