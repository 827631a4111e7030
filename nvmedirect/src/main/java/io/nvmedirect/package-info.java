/**
 * User-space NVMe: open a device, create queue pairs, do I/O.
 *
 * <pre>{@code
 * try (NvmeDevice device = NvmeDevice.open("mem:1GiB");
 *     NvmeQueue queue = device.createQueue();
 *     NvmeHandle handle = queue.createHandle();
 *     DmaBuffer buffer = device.allocate(4096)) {
 *   buffer.segment().setString(0, "hello, NVMe");
 *   handle.write(buffer.segment(), 0);
 *   handle.flush();
 * }
 * }</pre>
 */
@NullMarked
package io.nvmedirect;

import org.jspecify.annotations.NullMarked;
