package io.nvmedirect;

/** How a synchronous operation of a handle is waited for. */
enum CompletionPolicy {
  POLL,

  /** See {@link HandleOption#INTERRUPT}. */
  INTERRUPT,

  /** See {@link HandleOption#HYBRID}. */
  HYBRID
}
