/**
 * The command line {@code nvmed}: one class a verb, over the public API. What Linux tells of devices
 * comes from {@code io.nvmedirect.sysfs}; what changes their drivers is here.
 */
@NullMarked
package io.nvmedirect.cli;

import org.jspecify.annotations.NullMarked;
