/** A controller for other processes: a server of the vfio-user protocol. */
@NullMarked
package io.nvmedirect.serve;

import org.jspecify.annotations.NullMarked;
