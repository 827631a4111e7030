package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.SEEK_SET;
import static io.nvmedirect.compat.LibNvmed.nvmed_close;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_lseek;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceTraits;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Status;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedLastErrorTest extends Fixture {

  NvmedLastErrorTest(String address) {
    super(address);
  }

  @Test
  void lastError_isTheThreadsOwn() throws InterruptedException {
    assertFails(nvmed_lseek(handle(DIRECT), -1, SEEK_SET));
    NvmeException mine = present(nvmed_last_error());
    AtomicReference<Object> others = new AtomicReference<>();
    Thread.ofPlatform().start(() -> others.set(String.valueOf(nvmed_last_error()))).join();
    assertThat(others).hasValue("null");
    assertThat(nvmed_last_error()).isSameAs(mine);
  }

  @Test
  void lastError_staysAfterASuccess() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertFails(nvmed_lseek(handle, -1, SEEK_SET));
    NvmeException error = present(nvmed_last_error());
    assertThat(nvmed_lseek(handle, 0, SEEK_SET)).isZero();
    assertThat(nvmed_last_error()).isSameAs(error);
  }

  @Test
  void lastError_hasTheReasonAndItsCause() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertFails(nvmed_read(handle, memory(block), block + 1));
    assertThat(nvmed_last_error()).hasMessageContaining("count=" + (block + 1));
    assertThat(nvmed_last_error()).hasCauseInstanceOf(IllegalArgumentException.class);
    assertThat(nvmed_close(null)).isEqualTo(-2);
    assertThat(nvmed_last_error()).hasMessageContaining("device");
  }

  @Test
  void lastError_ofADeviceError_hasItsStatus() throws IOException {
    NVMED_HANDLE handle = handle(DIRECT);
    DeviceTraits.assumeWriteUncorrectable(object(nvmed));
    handle.handle().writeUncorrectable(0, block);
    assertFails(nvmed_read(handle, memory(block), block));
    fill(handle, 0, block, 0);
    assertThat(Status.codes(present(nvmed_last_error()).status()))
        .isEqualTo(Status.UNRECOVERED_READ_ERROR);
  }
}
