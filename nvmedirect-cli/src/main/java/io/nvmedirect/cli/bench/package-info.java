/** The load generator: jobs, what does their I/O, and what was measured. */
@org.jspecify.annotations.NullMarked
package io.nvmedirect.cli.bench;
