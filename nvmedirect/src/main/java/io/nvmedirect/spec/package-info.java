/** Wire formats of NVM Express 1.4: commands, completions, registers, Identify and log pages. */
@NullMarked
package io.nvmedirect.spec;

import org.jspecify.annotations.NullMarked;
