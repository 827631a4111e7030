package io.nvmedirect.transport;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Room on the thread's stack for a call into this library. Each public call that takes something which has to
 * be given back (a count, a lock, a buffer, a slot of a queue) asks for room first: a StackOverflowError then
 * comes where nothing is taken, and not between. What runs below it has room, its {@code finally} blocks too.
 *
 * <p>The JVM looks for a frame's room when a method is entered, compiled or not. So a method with very many
 * local variables, which does nothing, throws that error if there is not as much room. No compiler of Java
 * sources makes such a method without as many declarations; it is written by hand, as bytecode.
 */
public final class StackRoom {

  /**
   * Calls take less than 8 KiB below their entry, interpreted. The rest is for the JVM: where a call is the first
   * to need a class, its initializer must not overflow, for then the class is lost to the whole process. More would
   * cost: the JVM writes to each page of it, and these share few lines of the first cache.
   */
  private static final int ROOM_BYTES = 16 << 10;

  /** Posting takes less than half as much as what waits or executes. */
  private static final int POST_BYTES = 8 << 10;

  /** What is between the entry of a call and those that it makes, none of which is on the hot path. */
  private static final int BETWEEN_BYTES = 32 << 10;

  /** More bytecode than the JIT compilers inline, so that the callers' own code stays as it is. */
  private static final int UNINLINED_BYTES = 400;

  private static final MethodHandle PROBE = probe(ROOM_BYTES);
  private static final MethodHandle POST_PROBE = probe(POST_BYTES);
  private static final MethodHandle WIDE_PROBE = probe(ROOM_BYTES + BETWEEN_BYTES);

  /** Always 0, which nobody knows. */
  private static int unknown;

  static {
    // Links the calls, for which there may be no room later.
    check();
    checkToPost();
    checkForCalls();
    // Initializes what the JDK needs for these, which I/O may be the first to use.
    try (Arena arena = Arena.ofConfined()) {
      // Short and long ones go different ways.
      for (int length : new int[] {16, 128, 4096}) {
        MemorySegment from = arena.allocate(length).fill((byte) 1);
        MemorySegment to = arena.allocate(length).copyFrom(from);
        long _ = from.mismatch(to);
      }
    }
  }

  private StackRoom() {}

  /**
   * Returns if there is room.
   *
   * @throws StackOverflowError if there is not
   */
  public static void check() {
    try {
      PROBE.invokeExact(unknown);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Returns if there is room for posting an operation on one buffer.
   *
   * @throws StackOverflowError if there is not
   */
  public static void checkToPost() {
    try {
      POST_PROBE.invokeExact(unknown);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Returns if there is room for a call that, with something taken, makes others that {@link #check}: these
   * have their room then. Also for calls that are rare, and need classes that are not loaded yet.
   *
   * @throws StackOverflowError if there is not
   */
  public static void checkForCalls() {
    try {
      WIDE_PROBE.invokeExact(unknown);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodHandle probe(int roomBytes) {
    byte[] bytes =
        ClassFile.of()
            .build(
                ClassDesc.of(StackRoom.class.getPackageName(), "StackProbe"),
                type ->
                    type.withMethodBody(
                        "probe",
                        MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int),
                        ClassFile.ACC_STATIC,
                        code -> body(code, roomBytes)));
    try {
      MethodHandles.Lookup probe = MethodHandles.lookup().defineHiddenClass(bytes, true);
      return probe.findStatic(
          probe.lookupClass(), "probe", MethodType.methodType(void.class, int.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /**
   * {@code if (argument != 0) { last local = argument; Thread.onSpinWait(); }}: a branch that the compilers
   * cannot rule out, for which they look for the room of all local variables.
   */
  private static void body(CodeBuilder code, int roomBytes) {
    Label end = code.newLabel();
    code.iload(0).ifeq(end);
    code.iload(0).istore(roomBytes / Long.BYTES);
    code.invokestatic(
        ClassDesc.of("java.lang.Thread"), "onSpinWait", MethodTypeDesc.of(ConstantDescs.CD_void));
    for (int i = 0; i < UNINLINED_BYTES; i++) {
      code.nop();
    }
    code.labelBinding(end).return_();
  }
}
