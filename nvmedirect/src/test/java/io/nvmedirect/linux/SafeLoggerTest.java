package io.nvmedirect.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

class SafeLoggerTest {

  /** What an application may have installed. */
  private static final class ThrowingHandler extends Handler {

    final List<String> messages = new ArrayList<>();
    final Throwable thrown;

    ThrowingHandler(Throwable thrown) {
      this.thrown = thrown;
    }

    @Override
    public void publish(LogRecord logged) {
      messages.add(logged.getMessage());
      if (thrown instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) thrown;
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void log_throwsNothing_whateverTheLoggerThrows() {
    for (Throwable thrown :
        List.of(new Error("no descriptor"), new OutOfMemoryError(), new IllegalStateException())) {
      ThrowingHandler handler = new ThrowingHandler(thrown);
      Logger installed = Logger.getLogger(SafeLoggerTest.class.getName());
      installed.setUseParentHandlers(false);
      installed.addHandler(handler);
      try {
        System.Logger logger = SafeLogger.of(SafeLoggerTest.class);
        assertThat(logger.getName()).isEqualTo(SafeLoggerTest.class.getName());
        assertThat(logger.isLoggable(System.Logger.Level.WARNING)).isTrue();
        logger.log(System.Logger.Level.WARNING, "one");
        logger.log(System.Logger.Level.WARNING, "two {0}", 2);
        logger.log(System.Logger.Level.WARNING, "three", new IllegalStateException());
        assertThat(handler.messages).containsExactly("one", "two {0}", "three");
      } finally {
        installed.removeHandler(handler);
      }
    }
  }
}
