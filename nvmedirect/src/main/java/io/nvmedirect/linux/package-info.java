/** System calls by the Foreign Function and Memory API: one method per call, errno as an exception. */
@NullMarked
package io.nvmedirect.linux;

import org.jspecify.annotations.NullMarked;
