package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.HANDLE_DIRECT_IO;
import static io.nvmedirect.compat.LibNvmed.HANDLE_HINT_DMEM;
import static io.nvmedirect.compat.LibNvmed.HANDLE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.HANDLE_MQ;
import static io.nvmedirect.compat.LibNvmed.HANDLE_SYNC_IO;
import static io.nvmedirect.compat.LibNvmed.QUEUE_INTERRUPT;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_feature_get;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.HandleOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedHandleFeatureGetTest extends Fixture {

  NvmedHandleFeatureGetTest(String address) {
    super(address);
  }

  @Test
  void get_isOneOrZero() {
    NVMED_HANDLE handle = handle(queue(QUEUE_INTERRUPT), HANDLE_SYNC_IO | HANDLE_INTERRUPT);
    assertThat(nvmed_handle_feature_get(handle, HANDLE_SYNC_IO)).isOne();
    assertThat(nvmed_handle_feature_get(handle, HANDLE_INTERRUPT)).isOne();
    assertThat(nvmed_handle_feature_get(handle, HANDLE_DIRECT_IO)).isZero();
    assertThat(nvmed_handle_feature_get(handle, HANDLE_HINT_DMEM)).isZero();
    assertThat(nvmed_handle_feature_get(handle, HANDLE_MQ)).isZero();
  }

  @Test
  void get_unknownFlag_isZero() {
    NVMED_HANDLE handle = handle(DIRECT);
    for (int flag : new int[] {0, 32, -1, DIRECT, 1 << 31}) {
      assertThat(nvmed_handle_feature_get(handle, flag)).isZero();
    }
  }

  @Test
  void get_null_isAFault() {
    assertFails(nvmed_handle_feature_get(null, HANDLE_DIRECT_IO));
  }

  @Test
  void options_areThoseOfTheFlags() {
    NVMED_QUEUE queue = queue(0);
    assertThat(handle(queue, 0).handle().options())
        .contains(HandleOption.BUFFERED)
        .doesNotContain(HandleOption.WRITE_THROUGH);
    assertThat(handle(queue, HANDLE_SYNC_IO).handle().options())
        .contains(HandleOption.BUFFERED, HandleOption.WRITE_THROUGH);
    assertThat(handle(queue, HANDLE_DIRECT_IO).handle().options())
        .contains(HandleOption.WRITE_BEHIND)
        .doesNotContain(HandleOption.BUFFERED);
    assertThat(handle(queue, DIRECT).handle().options())
        .doesNotContain(HandleOption.BUFFERED, HandleOption.WRITE_BEHIND);
  }
}
