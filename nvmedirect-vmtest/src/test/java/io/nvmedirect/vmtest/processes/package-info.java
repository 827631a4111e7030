/** Client and server in processes of their own: no virtual machine. */
@NullMarked
package io.nvmedirect.vmtest.processes;

import org.jspecify.annotations.NullMarked;
