/** Tests that run in the virtual machine only, for what there is in no other place: VFIO and the kernel. */
@NullMarked
package io.nvmedirect.vmtest.guest;

import org.jspecify.annotations.NullMarked;
