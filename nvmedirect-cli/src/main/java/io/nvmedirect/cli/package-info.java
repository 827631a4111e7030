/** The command line {@code nvmed}: one class a verb, over the public API only. */
@NullMarked
package io.nvmedirect.cli;

import org.jspecify.annotations.NullMarked;
