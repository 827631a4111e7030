package io.nvmedirect.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The system calls of asynchronous I/O, for which the C library has no functions; see {@link Libc}. */
final class LibcAio {

  /** Every call gets as many arguments as the one with the most. */
  private static final MethodHandle SYSCALL =
      Libc.variadic(
          "syscall",
          1,
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS));

  // Numbers of the calls, by architecture.
  private static final boolean X86 = System.getProperty("os.arch").equals("amd64");
  private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");
  private static final long IO_SETUP = X86 ? 206 : 0;
  private static final long IO_SUBMIT = X86 ? 209 : 2;
  private static final long IO_GETEVENTS = X86 ? 208 : 4;

  private LibcAio() {}

  /** Whether the numbers of the calls are known for this machine. */
  static boolean isKnown() {
    return X86 || ARM;
  }

  /** {@code id} is a number of 64 bits in the global arena. */
  static int setup(int events, MemorySegment id) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment none = MemorySegment.NULL;
      return call(Libc.newState(arena), IO_SETUP, events, id.address(), none, none, none);
    }
  }

  /** {@code array} has the address of one struct iocb. */
  static int submit(MemorySegment state, long id, MemorySegment array) {
    return call(state, IO_SUBMIT, id, 1, array, MemorySegment.NULL, MemorySegment.NULL);
  }

  static int getEvents(
      MemorySegment state, long id, int most, MemorySegment events, MemorySegment timeout) {
    return call(state, IO_GETEVENTS, id, 0, MemorySegment.ofAddress(most), events, timeout);
  }

  private static int call(
      MemorySegment state,
      long number,
      long first,
      long second,
      MemorySegment third,
      MemorySegment fourth,
      MemorySegment fifth) {
    try {
      long returned =
          (long) SYSCALL.invokeExact(state, number, first, second, third, fourth, fifth);
      return (int) Libc.result(returned, state);
    } catch (Throwable e) {
      throw Libc.unexpected("syscall", e);
    }
  }
}
