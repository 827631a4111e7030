/** The vfio-user protocol, version 0.1: its messages, and the sockets that they go over. */
@NullMarked
package io.nvmedirect.vfiouser;

import org.jspecify.annotations.NullMarked;
