package io.nvmedirect.compat;

import org.jspecify.annotations.Nullable;

/** Told when an asynchronous operation is done. */
@FunctionalInterface
public interface NVMED_AIO_CALLBACK {

  /**
   * The operation is done: {@code context.status} is {@link LibNvmed#AIO_COMPLETE}. Called once per
   * operation, in {@link LibNvmed#nvmed_aio_handle_complete}, while the handle is destroyed, or on the
   * device's completion thread. May submit, this context too; should not block.
   *
   * @param userdata what {@code context.cb_userdata} was when the context was submitted
   */
  void completed(NVMED_AIO_CTX context, @Nullable Object userdata);
}
