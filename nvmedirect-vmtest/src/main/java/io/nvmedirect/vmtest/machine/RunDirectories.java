package io.nvmedirect.vmtest.machine;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A directory for each machine that runs, named by the process that runs it, so that the next one can remove
 * what a killed process has left.
 */
final class RunDirectories {

  private static final String PREFIX = "run-";

  private RunDirectories() {}

  static Path make(Path scratch) throws IOException {
    Files.createDirectories(scratch);
    return Files.createTempDirectory(scratch, PREFIX + ProcessHandle.current().pid() + "-");
  }

  /** Removes those of processes that are gone. */
  static void removeStale(Path scratch) throws IOException {
    if (!Files.isDirectory(scratch)) {
      return;
    }
    try (DirectoryStream<Path> left = Files.newDirectoryStream(scratch, PREFIX + "*")) {
      for (Path path : left) {
        long pid = Long.parseLong(String.valueOf(path.getFileName()).split("-", -1)[1]);
        if (ProcessHandle.of(pid).isEmpty()) {
          Directories.delete(path);
        }
      }
    }
  }
}
