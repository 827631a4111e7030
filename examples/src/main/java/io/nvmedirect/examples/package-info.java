/**
 * Small programs. Each takes the address of a device, and has one inside the process without; each
 * writes to it. After {@code ./verify}:
 *
 * <pre>{@code
 * java -p nvmedirect/target/classes:examples/target/classes --enable-native-access=io.nvmedirect \
 *     -m io.nvmedirect.examples/io.nvmedirect.examples.HelloWorld
 * }</pre>
 */
@NullMarked
package io.nvmedirect.examples;

import org.jspecify.annotations.NullMarked;
