package io.nvmedirect.spec;

/** Controller or Namespace Structure: what Identify returns (NVMe 1.4, figure 244). */
public final class Cns {

  public static final int NAMESPACE = 0x00;
  public static final int CONTROLLER = 0x01;
  public static final int ACTIVE_NAMESPACES = 0x02;
  public static final int NAMESPACE_DESCRIPTORS = 0x03;
  public static final int ALLOCATED_NAMESPACES = 0x10;
  public static final int ALLOCATED_NAMESPACE = 0x11;
  public static final int NAMESPACE_CONTROLLERS = 0x12;
  public static final int SUBSYSTEM_CONTROLLERS = 0x13;

  /** Bytes of each structure. */
  public static final int BYTES = 4096;

  private Cns() {}
}
