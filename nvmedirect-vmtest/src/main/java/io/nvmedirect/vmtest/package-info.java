/** What is tested in a virtual machine with NVMe controllers: the devices, the plan, and the tests. */
@NullMarked
package io.nvmedirect.vmtest;

import org.jspecify.annotations.NullMarked;
