/** Simulation of the library with a device that fails, in virtual time. */
@NullMarked
package io.nvmedirect.testing;

import org.jspecify.annotations.NullMarked;
