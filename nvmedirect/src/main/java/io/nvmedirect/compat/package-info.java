/**
 * The API of NVMeDirect's C library, call for call, for programs that are ported from C: {@link
 * io.nvmedirect.compat.LibNvmed}. It is a thin skin over {@link io.nvmedirect}, and new programs use
 * that.
 */
@NullMarked
package io.nvmedirect.compat;

import org.jspecify.annotations.NullMarked;
