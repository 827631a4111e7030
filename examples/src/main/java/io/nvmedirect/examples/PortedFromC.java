package io.nvmedirect.examples;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_flush;
import static io.nvmedirect.compat.LibNvmed.nvmed_get_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_create;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_open;
import static io.nvmedirect.compat.LibNvmed.nvmed_put_buffer;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_create;
import static io.nvmedirect.compat.LibNvmed.nvmed_queue_destroy;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static io.nvmedirect.compat.LibNvmed.nvmed_write;

import io.nvmedirect.compat.NVMED;
import io.nvmedirect.compat.NVMED_HANDLE;
import io.nvmedirect.compat.NVMED_QUEUE;
import java.lang.foreign.MemorySegment;

/** A program of NVMeDirect in C, call for call. {@link HelloWorld} is how one writes it in Java. */
public final class PortedFromC {

  private static final int EXIT_FAILURE = 1;

  private PortedFromC() {}

  /** Runs on the device with the address {@code args[0]}. */
  public static void main(String[] args) {
    int status = run(args.length > 0 ? args[0] : "mem:1GiB");
    if (status != 0) {
      System.exit(status);
    }
  }

  static int run(String path) {
    NVMED nvmed = nvmed_open(path, 0);
    if (nvmed == null) {
      return failed("nvmed_open");
    }
    NVMED_QUEUE queue = nvmed_queue_create(nvmed, 0);
    if (queue == null) {
      return failed("nvmed_queue_create");
    }
    NVMED_HANDLE handle = nvmed_handle_create(queue, HANDLE_DIRECT_IO | HANDLE_SYNC_IO);
    if (handle == null) {
      return failed("nvmed_handle_create");
    }
    MemorySegment buf = nvmed_get_buffer(nvmed, 1);
    if (buf == null) {
      return failed("nvmed_get_buffer");
    }

    buf.setString(0, "hello from C");
    if (nvmed_write(handle, buf, 4096) != 4096) {
      return failed("nvmed_write");
    }
    if (nvmed_lseek(handle, 0, SEEK_SET) != 0) {
      return failed("nvmed_lseek");
    }
    buf.fill((byte) 0);
    if (nvmed_read(handle, buf, 4096) != 4096) {
      return failed("nvmed_read");
    }
    System.out.println(buf.getString(0));
    if (nvmed_flush(handle) != 0) {
      return failed("nvmed_flush");
    }

    nvmed_put_buffer(buf);
    nvmed_handle_destroy(handle);
    nvmed_queue_destroy(queue);
    return nvmed_close(nvmed) == 0 ? 0 : failed("nvmed_close");
  }

  private static int failed(String call) {
    System.err.println(call + ": " + nvmed_last_error());
    return EXIT_FAILURE;
  }
}
