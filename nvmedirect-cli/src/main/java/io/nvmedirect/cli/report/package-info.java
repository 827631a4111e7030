/** Result files of the bench tool and of fio, and the HTML page of them. */
@org.jspecify.annotations.NullMarked
package io.nvmedirect.cli.report;
