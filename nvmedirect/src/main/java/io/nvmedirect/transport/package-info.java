/** The seam between the driver and the ways to reach a controller. */
@NullMarked
package io.nvmedirect.transport;

import org.jspecify.annotations.NullMarked;
