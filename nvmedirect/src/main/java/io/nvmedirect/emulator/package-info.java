/** An NVMe controller inside the process, from the device's side: shares only {@code spec} with the driver. */
@NullMarked
package io.nvmedirect.emulator;

import org.jspecify.annotations.NullMarked;
