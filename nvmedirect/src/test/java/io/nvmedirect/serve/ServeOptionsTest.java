package io.nvmedirect.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.nvmedirect.emulator.Subsystem;
import org.junit.jupiter.api.Test;

class ServeOptionsTest {

  @Test
  void with_changesOneValue() {
    assertThat(ServeOptions.defaults()).isEqualTo(new ServeOptions(64, 0, false));
    assertThat(ServeOptions.defaults().withQueues(3).withNamespace(2).withReadOnly(true).limits())
        .isEqualTo(new Subsystem.Limits(3, 2, true));
  }

  @Test
  void outOfRange_isRefused() {
    assertThatThrownBy(() -> ServeOptions.defaults().withQueues(0))
        .hasMessageContaining("queues=0");
    assertThatThrownBy(() -> ServeOptions.defaults().withQueues(65))
        .hasMessageContaining("queues=65");
    assertThatThrownBy(() -> ServeOptions.defaults().withNamespace(-1))
        .hasMessageContaining("namespace=-1");
  }
}
