/** The guest's side: runs the plan with JUnit and reports. */
@NullMarked
package io.nvmedirect.vmtest.runner;

import org.jspecify.annotations.NullMarked;
