/** The host side of the protocol: controller bring-up, admin commands, block I/O. */
@NullMarked
package io.nvmedirect.driver;

import org.jspecify.annotations.NullMarked;
