/** NVMe controllers as PCI functions: on the bus, through Linux VFIO, or in another process, by vfio-user. */
@NullMarked
package io.nvmedirect.pcie;

import org.jspecify.annotations.NullMarked;
