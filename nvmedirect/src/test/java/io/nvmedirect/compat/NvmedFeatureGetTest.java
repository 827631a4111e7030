package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_SIZE;
import static io.nvmedirect.compat.LibNvmed.NVMED_NO_CACHE;
import static io.nvmedirect.compat.LibNvmed.nvmed_feature_get;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedFeatureGetTest extends Fixture {

  NvmedFeatureGetTest(String address) {
    super(address);
  }

  @Test
  void cacheSize_isInPages() {
    assertThat(nvmed_feature_get(nvmed, NVMED_CACHE_SIZE))
        .isEqualTo(DeviceOptions.defaults().cachePages());
  }

  @Test
  void unknownFeature_isZero() {
    for (int feature : new int[] {0, NVMED_NO_CACHE, 8, -1}) {
      assertThat(nvmed_feature_get(nvmed, feature)).isZero();
    }
  }

  @Test
  void nullDevice_isAFault() {
    assertFails(nvmed_feature_get(null, NVMED_CACHE_SIZE));
  }
}
