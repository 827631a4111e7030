/** What the guest tells the host about its tests, and how that becomes results. */
@NullMarked
package io.nvmedirect.vmtest.report;

import org.jspecify.annotations.NullMarked;
