package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Kernel bypass without root: an ordinary user to whom {@code nvmed bind --user} gave the device, and who may
 * lock as much memory as the system says. Root has no such limit.
 */
@Timeout(600)
final class LockedMemoryGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.SHARED_A;

  /** Also open in some tests, for the limit is one for all devices of a process. */
  private static final GuestDevice OTHER = GuestDevice.SHARED_B;

  private static final int KIB = 1024;
  private static final int MIB = 1 << 20;

  /** Enough for the queues and small buffers of a device. */
  private static final int LIMIT_BYTES = 8 * MIB;

  private static final int LARGE_BYTES = 12 * MIB;
  private static final int OTHER_BYTES = 2 * MIB;
  private static final String DONE = "done, the data is right";

  @BeforeEach
  void bindForTheUser() throws IOException {
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    PciDriver.bind(OTHER, GuestDevice.Driver.NVME);
    Nvmed.Result bound =
        Nvmed.run("bind", DEVICE.pciAddress(), OTHER.pciAddress(), "--user", ChildJvm.USER);
    assertThat(bound.status()).as(bound.toString()).isZero();
  }

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DEVICE, DEVICE.driver());
    PciDriver.bind(OTHER, OTHER.driver());
  }

  private static ChildJvm.Result user(long limitBytes, Step step) throws Exception {
    return ChildJvm.runAsUser(
        String.valueOf(limitBytes / KIB), Application.class, DEVICE.address(), step.name());
  }

  private static void assertDone(ChildJvm.Result result) {
    assertThat(result.output()).contains("uid=1000, capabilities=0000000000000000", DONE);
    assertThat(result.status()).as(result.output()).isZero();
  }

  @Test
  void limitTooLowToOpen_saysLimitAndNeedAndRemedy() throws Exception {
    ChildJvm.Result result = user(64 * KIB, Step.SMALL);
    assertThat(result.status()).as(result.output()).isEqualTo(1);
    assertThat(result.output())
        .contains("NvmeException", "the process may lock 65536 bytes (RLIMIT_MEMLOCK)")
        .containsPattern("at least \\d+ bytes \\(\\d+ KiB\\) are needed")
        .contains("ulimit -l", "/etc/security/limits.conf", "LimitMEMLOCK=");
  }

  /** In one process, for starting one takes an emulated CPU ten seconds and more. */
  @Test
  void limitEnoughToOpen_userWritesAndReads_andMoreIsRefusedOrBounced() throws Exception {
    ChildJvm.Result result = user(LIMIT_BYTES, Step.MORE_THAN_THE_LIMIT);
    assertDone(result);
    assertThat(result.output())
        .containsPattern("has locked \\d+ bytes already, this device's \\d+ among them")
        .contains("cannot map " + LARGE_BYTES + " bytes of memory for the device")
        .contains("the process may lock " + LIMIT_BYTES + " bytes (RLIMIT_MEMLOCK)")
        .contains("ulimit -l", "/etc/security/limits.conf", "LimitMEMLOCK=")
        .contains("goes through bounce buffers");
    // With what it asks for the same goes well.
    long need = Long.parseLong(result.output().replaceAll("(?s).*at least (\\d+) bytes .*", "$1"));
    assertThat(need).isGreaterThan(LARGE_BYTES + OTHER_BYTES);
    assertDone(user(need, Step.LARGE_BUFFER));
  }

  @Test
  void deviceThatWasNotGiven_saysHowToGetIt() throws Exception {
    GuestDevice other = GuestDevice.PLAIN;
    ChildJvm.Result result =
        ChildJvm.runAsUser("unlimited", Application.class, other.address(), Step.SMALL.name());
    assertThat(result.status()).as(result.output()).isEqualTo(1);
    assertThat(result.output()).contains("belongs to another user", "nvmed bind --user NAME");
  }

  /** What the user's process does with the device, beside opening and closing it. */
  enum Step {
    SMALL,
    /** Beside the other device. */
    LARGE_BUFFER,
    /** Beside the other device, a buffer that is too large, a small one, and memory of its own that is too large. */
    MORE_THAN_THE_LIMIT
  }

  /** The user's process. */
  static final class Application {

    private Application() {}

    public static void main(String[] arguments) throws IOException {
      System.out.printf("uid=%s, capabilities=%s%n", status("Uid"), status("CapEff"));
      try (NvmeDevice device = NvmeDevice.open(arguments[0]);
          NvmeQueue queue = device.createQueue();
          NvmeHandle handle = queue.createHandle()) {
        switch (Step.valueOf(arguments[1])) {
          case SMALL -> allocated(device, handle, MIB);
          case LARGE_BUFFER, MORE_THAN_THE_LIMIT -> {
            try (NvmeDevice other = NvmeDevice.open(OTHER.address());
                DmaBuffer _ = other.allocate(OTHER_BYTES)) {
              besideOther(Step.valueOf(arguments[1]), device, handle);
            }
          }
        }
      }
      System.out.println(DONE);
    }

    private static void besideOther(Step step, NvmeDevice device, NvmeHandle handle)
        throws IOException {
      if (step == Step.LARGE_BUFFER) {
        allocated(device, handle, LARGE_BYTES);
        return;
      }
      try (DmaBuffer buffer = device.allocate(LARGE_BYTES)) {
        throw new IllegalStateException("got " + buffer);
      } catch (IOException e) {
        System.out.println(e.getMessage());
      }
      allocated(device, handle, MIB);
      writeAndRead(handle, Arena.ofAuto().allocate(LARGE_BYTES, 4096));
    }

    private static void allocated(NvmeDevice device, NvmeHandle handle, int lengthBytes)
        throws IOException {
      try (DmaBuffer buffer = device.allocate(lengthBytes)) {
        writeAndRead(handle, buffer.segment());
      }
    }

    private static void writeAndRead(NvmeHandle handle, MemorySegment memory) throws IOException {
      byte[] bytes = new byte[Math.toIntExact(memory.byteSize())];
      new Random(1).nextBytes(bytes);
      MemorySegment expected = MemorySegment.ofArray(bytes);
      memory.copyFrom(expected);
      handle.write(memory, 0);
      handle.flush();
      memory.fill((byte) 0);
      handle.read(memory, 0);
      if (memory.mismatch(expected) != -1) {
        throw new IOException("differs first at byte " + memory.mismatch(expected));
      }
    }

    private static String status(String field) throws IOException {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith(field + ":"))
          .map(line -> line.replaceFirst("\\S+\\s+(\\S+).*", "$1"))
          .findFirst()
          .orElse("unknown");
    }
  }
}
