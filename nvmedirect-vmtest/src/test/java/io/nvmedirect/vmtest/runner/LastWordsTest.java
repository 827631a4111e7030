package io.nvmedirect.vmtest.runner;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class LastWordsTest {

  @Test
  void sayBefore_showsThreads() throws Exception {
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    try (OutputStream stream = new LineStream(lines::add);
        PrintStream out = new PrintStream(stream, true, StandardCharsets.UTF_8)) {
      LastWords.sayBefore(1, out);
      String line = "";
      while (!line.contains("last-words")) {
        line = lines.poll(60, TimeUnit.SECONDS);
        assertThat(line).isNotNull();
      }
    }
  }
}
