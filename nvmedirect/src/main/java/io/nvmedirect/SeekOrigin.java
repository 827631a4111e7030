package io.nvmedirect;

/** What an offset of {@link NvmeHandle#seek} is counted from. */
public enum SeekOrigin {
  /** The start of the device, forwards. */
  START,

  /** The position of the handle, forwards. */
  CURRENT,

  /** The end of the device, backwards. */
  END
}
