/** The way into the library's own package, for devices that no address names. */
@NullMarked
package io.nvmedirect;

import org.jspecify.annotations.NullMarked;
