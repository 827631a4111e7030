/**
 * The block cache that the buffered handles of a device share: pages, eviction, write-back. It knows
 * neither queues nor commands; {@link io.nvmedirect.cache.Store} is its way to the device.
 */
@NullMarked
package io.nvmedirect.cache;

import org.jspecify.annotations.NullMarked;
