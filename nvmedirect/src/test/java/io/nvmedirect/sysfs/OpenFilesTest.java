package io.nvmedirect.sysfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenFilesTest {

  private static final String NULL_DEVICE = "c1:3";
  private static final String OWN = "(pid " + ProcessHandle.current().pid() + ")";

  @Test
  void of_openFile_byItsNumberWhateverItsName() throws IOException {
    try (FileChannel _ = FileChannel.open(Path.of("/dev/null"))) {
      OpenFiles open = OpenFiles.read(Path.of("/proc"));
      assertThat(open.of(NULL_DEVICE, List.of("/dev/some-other-name")))
          .anyMatch(process -> process.endsWith(OWN));
      assertThat(open.of(null, List.of("/dev/null"))).anyMatch(process -> process.endsWith(OWN));
      // A container may have a node of that name which stands for another device.
      assertThat(open.of("c1:4242", List.of("/dev/null")))
          .noneMatch(process -> process.endsWith(OWN));
      assertThat(open.of("b1:3", List.of())).noneMatch(process -> process.endsWith(OWN));
    }
  }

  @Test
  void of_copyOfProc_byName(@TempDir Path root) throws IOException {
    new FakeMachine(root).process(5, "dd", "/dev/null", "/tmp/file");
    OpenFiles open = OpenFiles.read(root.resolve("proc"));
    assertThat(open.of(NULL_DEVICE, List.of("/dev/null"))).containsExactly("dd (pid 5)");
    assertThat(open.of(NULL_DEVICE, List.of("/dev/other"))).isEmpty();
    assertThat(open.of(NULL_DEVICE, List.of("/tmp/file"))).isEmpty();
  }

  @Test
  void number_ofNodes() {
    assertThat(DeviceNumber.of(Path.of("/dev/null"))).isEqualTo(NULL_DEVICE);
    assertThat(DeviceNumber.of(Path.of("/dev/no-such-node"))).isNull();
    assertThat(DeviceNumber.of(Path.of("/proc/self/stat"))).isNull();
  }
}
