/** The host's side: makes the guest's file system, runs QEMU, and takes in what the guest reports. */
@NullMarked
package io.nvmedirect.vmtest.machine;

import org.jspecify.annotations.NullMarked;
