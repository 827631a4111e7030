/** The host side of memory-based queues: rings, doorbells, command slots and PRP lists. */
@NullMarked
package io.nvmedirect.queue;

import org.jspecify.annotations.NullMarked;
