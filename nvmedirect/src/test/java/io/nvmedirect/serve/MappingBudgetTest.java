package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.linux.Errno;
import io.nvmedirect.linux.NativeFile;
import io.nvmedirect.vfiouser.Message;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What clients may map, one of them and all together. */
@Timeout(300)
class MappingBudgetTest {

  private static final long HALF = MappingBudget.MOST_BYTES_OF_CLIENT / 2;

  @TempDir Path directory;
  private final MappingBudget budget = new MappingBudget();

  @Test
  void take_untilNothingIsLeft() throws Exception {
    for (int i = 0; i < 64; i++) {
      budget.take(MappingBudget.MOST_BYTES_OF_CLIENT);
    }
    assertThatThrownBy(() -> budget.take(4096))
        .isInstanceOfSatisfying(
            BadRequestException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC))
        .hasMessageContaining("64 regions")
        .hasMessageContaining("0x1000 more");
    budget.giveBack(MappingBudget.MOST_BYTES_OF_CLIENT);
    budget.take(4096);
  }

  @Test
  void take_asManyMappingsAsAProcessCanSpare() throws Exception {
    for (int i = 0; i < 32 << 10; i++) {
      budget.take(4096);
    }
    assertThatThrownBy(() -> budget.take(4096)).isInstanceOf(BadRequestException.class);
  }

  /** The file has no content, and costs the client nothing. */
  @Test
  void dmaMap_moreThanAClientMay_isRefused() throws Exception {
    Path path = directory.resolve("s");
    try (NvmeServer server = NvmeServer.open("mem:1MiB", ServeOptions.defaults());
        NativeFile file = NativeFile.inMemory("sparse", HALF)) {
      server.listen(path);
      for (int round = 0; round < 2; round++) {
        // The second client finds all of it free again.
        try (RawClient client = RawClient.greet(path)) {
          client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, HALF, HALF), file.fd());
          client.succeed(Message.DMA_MAP, RawClient.dmaMap(3, 0, 2 * HALF, HALF), file.fd());
          ByteBuffer more = RawClient.dmaMap(3, 0, 4096, 4096);
          assertThat(client.fail(Message.DMA_MAP, more, file.fd())).isEqualTo(Errno.ENOSPC);
          client.succeed(Message.DMA_UNMAP, RawClient.dmaUnmap(HALF, HALF));
          client.succeed(Message.DMA_MAP, more, file.fd());
        }
      }
    }
  }
}
