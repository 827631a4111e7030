/** Time and how threads let it pass: the clock, what a thread does between two polls, brief locks. */
@NullMarked
package io.nvmedirect.concurrent;

import org.jspecify.annotations.NullMarked;
