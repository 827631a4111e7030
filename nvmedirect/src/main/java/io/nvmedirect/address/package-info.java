/** Which transport opens which address. */
@NullMarked
package io.nvmedirect.address;

import org.jspecify.annotations.NullMarked;
