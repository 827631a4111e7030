package io.nvmedirect.linux;

import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * A logger that never throws. What the application has installed may need memory, a descriptor or room on
 * the stack just when there is none and that is to be told; and who logs here holds locks, or serves
 * others.
 */
public final class SafeLogger implements System.Logger {

  private final System.Logger logger;

  /** Logs by another logger. */
  SafeLogger(System.Logger logger) {
    this.logger = logger;
  }

  /** The logger of a class. */
  public static System.Logger of(Class<?> type) {
    return new SafeLogger(System.getLogger(type.getName()));
  }

  @Override
  public String getName() {
    return logger.getName();
  }

  @Override
  public boolean isLoggable(Level level) {
    try {
      return logger.isLoggable(level);
    } catch (RuntimeException | Error _) {
      return false;
    }
  }

  @Override
  public void log(
      Level level, @Nullable ResourceBundle bundle, String message, @Nullable Throwable thrown) {
    try {
      logger.log(level, bundle, message, thrown);
    } catch (RuntimeException | Error _) {
      // Whoever waits is told in other ways.
    }
  }

  @Override
  public void log(
      Level level, @Nullable ResourceBundle bundle, String format, @Nullable Object... params) {
    try {
      logger.log(level, bundle, format, params);
    } catch (RuntimeException | Error _) {
      // Likewise.
    }
  }
}
