package io.nvmedirect.compat;

import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_LAZY_INIT;
import static io.nvmedirect.compat.LibNvmed.NVMED_CACHE_SIZE;
import static io.nvmedirect.compat.LibNvmed.NVMED_NO_CACHE;
import static io.nvmedirect.compat.LibNvmed.nvmed_feature_get;
import static io.nvmedirect.compat.LibNvmed.nvmed_feature_set;
import static io.nvmedirect.compat.LibNvmed.nvmed_last_error;
import static io.nvmedirect.compat.LibNvmed.nvmed_pwrite;
import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.DeviceAddresses;
import io.nvmedirect.DeviceOptions;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;

@ParameterizedClass
@DeviceAddresses({Fixture.LBA_512, Fixture.LBA_4096})
class NvmedFeatureSetTest extends Fixture {

  NvmedFeatureSetTest(String address) {
    super(address);
  }

  @Test
  void cacheSize_growsAndShrinks() {
    NVMED_HANDLE handle = handle(0);
    byte[] expected = random(1, 1 << 20);
    for (int pages : new int[] {64, 1, 300, 2, 20_000}) {
      assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, pages)).isEqualTo(pages);
      assertThat(nvmed_feature_get(nvmed, NVMED_CACHE_SIZE)).isEqualTo(pages);
      expected = random(pages, 1 << 20);
      assertThat(nvmed_pwrite(handle, MemorySegment.ofArray(expected), expected.length, 100))
          .isEqualTo(expected.length);
    }
    assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, 10)).isEqualTo(10);
    assertThat(onDevice(handle, 100, expected.length)).isEqualTo(expected);
  }

  @Test
  void cacheSize_bad_staysAsItIs() {
    assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, 64)).isEqualTo(64);
    for (int pages : new int[] {0, -1, Integer.MIN_VALUE}) {
      assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, pages)).isEqualTo(64);
      assertThat(nvmed_last_error()).isNotNull();
    }
  }

  @Test
  void cacheSize_withoutCache_staysZero() {
    NVMED device = reopened(NVMED_NO_CACHE);
    assertThat(nvmed_feature_set(device, NVMED_CACHE_SIZE, 64)).isZero();
    assertThat(nvmed_feature_set(device, NVMED_CACHE_LAZY_INIT, 1)).isZero();
  }

  @Test
  void lazyInit_isOneOrZero() {
    assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_SIZE, 64)).isEqualTo(64);
    for (int value : new int[] {0, 1, 0}) {
      assertThat(nvmed_feature_set(nvmed, NVMED_CACHE_LAZY_INIT, value)).isEqualTo(value);
      assertThat(nvmed_feature_get(nvmed, NVMED_CACHE_LAZY_INIT)).isEqualTo(value);
    }
  }

  @Test
  void unknownFeature_isZeroAndChangesNothing() {
    for (int feature : new int[] {0, NVMED_NO_CACHE, 8, -1}) {
      assertThat(nvmed_feature_set(nvmed, feature, 1)).isZero();
    }
    assertThat(nvmed_feature_get(nvmed, NVMED_CACHE_SIZE))
        .isEqualTo(DeviceOptions.defaults().cachePages());
  }

  @Test
  void nullDevice_isAFault() {
    assertFails(nvmed_feature_set(null, NVMED_CACHE_SIZE, 1));
  }
}
