/** Memory that a device can reach. */
@NullMarked
package io.nvmedirect.memory;

import org.jspecify.annotations.NullMarked;
