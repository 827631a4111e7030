/** NVMe controllers on the PCI bus, reached through Linux VFIO. */
@NullMarked
package io.nvmedirect.pcie;

import org.jspecify.annotations.NullMarked;
