package io.nvmedirect.pcie;

import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.sysfs.PciAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The address of a PCIe device: {@code pci:0000:01:00.0}, with {@code /ns2} for a namespace and {@code
 * ?iommu=off} to do without an IOMMU.
 *
 * @param function domain, bus, device and function as the kernel writes them, such as 0000:01:00.0
 * @param namespace identifier, or 0 if the address has none
 */
public record VfioAddress(String function, int namespace, boolean iommu) {

  private static final Pattern FORM =
      Pattern.compile("([^/?]+)(?:/ns([1-9][0-9]{0,8}))?(?:\\?iommu=(on|off))?");

  /** Whether the text looks like a PCI address, with or without {@code pci:}. */
  public static boolean matches(String address) {
    return address.startsWith("pci:") || isWellFormed(FORM.matcher(address));
  }

  /**
   * Reads an address.
   *
   * @throws NvmeException if it is none
   */
  public static VfioAddress parse(String address) throws NvmeException {
    Matcher matcher = FORM.matcher(address);
    if (!isWellFormed(matcher)) {
      throw new NvmeException(
          "cannot open %s: the address of a PCIe device is pci:DOMAIN:BUS:DEVICE.FUNCTION in hexadecimal, such as pci:0000:01:00.0, with /ns2 for a namespace; nvmed list shows them"
              .formatted(address));
    }
    @Nullable String namespace = matcher.group(2);
    return new VfioAddress(
        PciAddress.parse(matcher.group(1)).toString(),
        namespace == null ? 0 : Integer.parseInt(namespace),
        !"off".equals(matcher.group(3)));
  }

  private static boolean isWellFormed(Matcher matcher) {
    return matcher.matches() && PciAddress.matches(matcher.group(1));
  }
}
