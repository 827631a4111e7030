package io.nvmedirect.cli;

import org.jspecify.annotations.Nullable;

/**
 * One line of doctor.
 *
 * @param topic what was looked at
 * @param finding what was found
 * @param mend what to do about it; null if nothing
 */
record Check(Mark mark, String topic, String finding, @Nullable String mend) {

  /** How it is. */
  enum Mark {
    /** As it should be. */
    OK,
    /** Kernel bypass works without it, but not as well or not for everybody. */
    WARN,
    /** Kernel bypass does not work. */
    FAIL
  }

  static Check ok(String topic, String finding) {
    return new Check(Mark.OK, topic, finding, null);
  }

  static Check warn(String topic, String finding, String mend) {
    return new Check(Mark.WARN, topic, finding, mend);
  }

  static Check fail(String topic, String finding, String mend) {
    return new Check(Mark.FAIL, topic, finding, mend);
  }
}
