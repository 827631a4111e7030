/** JMH benchmarks of the I/O path. */
@NullMarked
package io.nvmedirect.benchmarks;

import org.jspecify.annotations.NullMarked;
