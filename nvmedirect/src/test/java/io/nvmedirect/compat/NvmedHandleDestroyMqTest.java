package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.AIO_COMPLETE;
import static io.nvmedirect.compat.LibNvmed.nvmed_aio_write;
import static io.nvmedirect.compat.LibNvmed.nvmed_handle_destroy_mq;
import static io.nvmedirect.compat.LibNvmed.nvmed_read;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096, Fixture.THREAD})
class NvmedHandleDestroyMqTest extends Fixture {

  NvmedHandleDestroyMqTest(String address) {
    super(address);
  }

  private NVMED_HANDLE multiQueue() {
    NVMED_QUEUE[] queues = {queue(0), queue(0)};
    return handle(queues, DIRECT, (h, opcode, offs, len) -> queues[opcode - 1]);
  }

  @Test
  void destroyMq_isZeroOnce() {
    NVMED_HANDLE handle = multiQueue();
    assertThat(nvmed_handle_destroy_mq(handle)).isZero();
    assertThat(nvmed_handle_destroy_mq(handle)).isEqualTo(-2);
  }

  @Test
  void destroyMq_null_isNoEntry() {
    assertThat(nvmed_handle_destroy_mq(null)).isEqualTo(-2);
  }

  @Test
  void destroyMq_plainHandle_isNoEntryAndTheHandleStays() {
    NVMED_HANDLE handle = handle(DIRECT);
    assertThat(nvmed_handle_destroy_mq(handle)).isEqualTo(-2);
    assertThat(nvmed_read(handle, memory(block), block)).isEqualTo(block);
  }

  @Test
  void destroyMq_waitsForItsIo() {
    NVMED_HANDLE handle = multiQueue();
    NVMED_AIO_CTX context = context(handle, buffer(4 << 20), 0, 4 << 20);
    assertThat(nvmed_aio_write(context)).isZero();
    assertThat(nvmed_handle_destroy_mq(handle)).isZero();
    assertThat(context.status).isEqualTo(AIO_COMPLETE);
  }
}
