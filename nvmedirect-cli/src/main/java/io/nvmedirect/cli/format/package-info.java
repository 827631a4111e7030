/** Sizes, times, tables and JSON as text, for all verbs. */
@org.jspecify.annotations.NullMarked
package io.nvmedirect.cli.format;
