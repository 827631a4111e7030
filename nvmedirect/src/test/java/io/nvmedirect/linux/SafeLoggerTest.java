package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SafeLoggerTest {

  /** What an application may have installed. */
  private static final class ThrowingLogger implements System.Logger {

    final List<String> messages = new ArrayList<>();
    final Throwable thrown;

    ThrowingLogger(Throwable thrown) {
      this.thrown = thrown;
    }

    private void fail() {
      if (thrown instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) thrown;
    }

    @Override
    public String getName() {
      return "throwing";
    }

    @Override
    public boolean isLoggable(Level level) {
      fail();
      return true;
    }

    @Override
    public void log(
        Level level, @Nullable ResourceBundle bundle, String message, @Nullable Throwable cause) {
      messages.add(message);
      fail();
    }

    @Override
    public void log(
        Level level, @Nullable ResourceBundle bundle, String format, @Nullable Object... params) {
      messages.add(format);
      fail();
    }
  }

  @Test
  void log_throwsNothing_whateverTheLoggerThrows() {
    for (Throwable thrown :
        List.of(new Error("no descriptor"), new OutOfMemoryError(), new IllegalStateException())) {
      ThrowingLogger installed = new ThrowingLogger(thrown);
      System.Logger logger = new SafeLogger(installed);
      assertThat(logger.getName()).isEqualTo("throwing");
      assertThat(logger.isLoggable(System.Logger.Level.WARNING)).isFalse();
      logger.log(System.Logger.Level.WARNING, "one");
      logger.log(System.Logger.Level.WARNING, "two {0}", 2);
      logger.log(System.Logger.Level.WARNING, "three", new IllegalStateException());
      assertThat(installed.messages).containsExactly("one", "two {0}", "three");
    }
  }
}
