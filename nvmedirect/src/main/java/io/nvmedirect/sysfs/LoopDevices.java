package io.nvmedirect.sysfs;

import io.nvmedirect.linux.LinuxException;
import io.nvmedirect.linux.NativeFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which loop devices lie on which files and block devices. None of them is a holder of what is below it. */
final class LoopDevices {

  /**
   * What a loop device lies on.
   *
   * @param loop such as loop0
   * @param path its name for this process, which may mean another file in another mount namespace
   * @param number which file it is ({@link DeviceNumber#orInode}); null if nobody can tell
   */
  record Backing(String loop, String path, @Nullable String number) {

    private boolean is(@Nullable String wanted, String node) {
      return (number != null && wanted != null) ? number.equals(wanted) : path.equals(node);
    }
  }

  // LOOP_GET_STATUS64 and struct loop_info64 of linux/loop.h.
  private static final long GET_STATUS = 0x4C05;
  private static final int STATUS_BYTES = 232;
  private static final int DEVICE = 0;
  private static final int INODE = 8;
  private static final int NODE_OF = 16;

  private final List<Backing> backings = new ArrayList<>();

  private LoopDevices() {}

  static LoopDevices read(Roots roots) {
    LoopDevices loops = new LoopDevices();
    for (Path block : KernelFiles.children(roots.sys().resolve("class/block"))) {
      String path = KernelFiles.text(block.resolve("loop/backing_file"));
      if (path != null) {
        String name = KernelFiles.name(block);
        String number = number(roots.dev().resolve(name));
        loops.backings.add(new Backing(name, path, number == null ? number(path) : number));
      }
    }
    return loops;
  }

  /** As the kernel knows it, whatever the file is called now; null without the right to ask. */
  private static @Nullable String number(Path node) {
    try (NativeFile loop = NativeFile.openToRead(node);
        Arena arena = Arena.ofConfined()) {
      MemorySegment status = arena.allocate(STATUS_BYTES, Long.BYTES);
      loop.ioctl("LOOP_GET_STATUS64", GET_STATUS, status);
      long device = status.get(ValueLayout.JAVA_LONG, DEVICE);
      long nodeOf = status.get(ValueLayout.JAVA_LONG, NODE_OF);
      return nodeOf != 0
          ? DeviceNumber.block(major(nodeOf), minor(nodeOf))
          : DeviceNumber.inode(
              major(device), minor(device), status.get(ValueLayout.JAVA_LONG, INODE));
    } catch (LinuxException e) {
      return null;
    }
  }

  /** Of a file, by its name; block devices have usual ones. */
  private static @Nullable String number(String path) {
    try {
      String number = DeviceNumber.orInode(Path.of(path));
      return number == null || number.startsWith("b") ? null : number;
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /** A dev_t of the kernel's: minor bits 7:0, major in 19:8, and the rest of the minor above. */
  private static int major(long device) {
    return (int) (device >>> 8) & 0xFFF;
  }

  private static int minor(long device) {
    return (int) ((device & 0xFF) | ((device >>> 12) & 0xFFF00));
  }

  /**
   * Those on a file or device.
   *
   * @param number what counts; null if nobody can tell
   * @param node its usual name
   */
  List<String> on(@Nullable String number, String node) {
    return backings.stream()
        .filter(backing -> backing.is(number, node))
        .map(Backing::loop)
        .toList();
  }

  /** What a loop device lies on; null if it is none, or on nothing. */
  @Nullable Backing below(String loop) {
    return backings.stream().filter(backing -> backing.loop().equals(loop)).findAny().orElse(null);
  }
}
