/**
 * Small programs. Each takes the address of a device, and has one inside the process without; each
 * writes to it.
 */
@NullMarked
package io.nvmedirect.examples;

import org.jspecify.annotations.NullMarked;
