/** What Linux tells of NVMe controllers, and of who uses them. Reads only; nothing here changes the machine. */
@NullMarked
package io.nvmedirect.sysfs;

import org.jspecify.annotations.NullMarked;
