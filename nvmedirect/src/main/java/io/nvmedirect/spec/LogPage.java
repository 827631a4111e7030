package io.nvmedirect.spec;

/** Log page identifiers (NVMe 1.4, figure 191). */
public final class LogPage {

  public static final int ERROR_INFORMATION = 0x01;
  public static final int SMART = 0x02;
  public static final int FIRMWARE_SLOT = 0x03;
  public static final int CHANGED_NAMESPACES = 0x04;
  public static final int COMMANDS_SUPPORTED_AND_EFFECTS = 0x05;

  private LogPage() {}
}
