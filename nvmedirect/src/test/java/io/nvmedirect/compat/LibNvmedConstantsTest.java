package io.nvmedirect.compat;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class LibNvmedConstantsTest {

  @Test
  void constants_haveTheValuesOfC() throws IllegalAccessException {
    Map<String, Integer> actual = new TreeMap<>();
    for (Field field : LibNvmed.class.getFields()) {
      assertThat(Modifier.isStatic(field.getModifiers())).isTrue();
      assertThat(Modifier.isFinal(field.getModifiers())).isTrue();
      actual.put(field.getName(), field.getInt(null));
    }
    assertThat(actual)
        .isEqualTo(
            Map.ofEntries(
                Map.entry("NVMED_NO_CACHE", 1),
                Map.entry("NVMED_CACHE_SIZE", 2),
                Map.entry("NVMED_CACHE_LAZY_INIT", 4),
                Map.entry("QUEUE_MANUAL_COMPLETION", 1),
                Map.entry("QUEUE_INTERRUPT", 2),
                Map.entry("HANDLE_DIRECT_IO", 1),
                Map.entry("HANDLE_SYNC_IO", 2),
                Map.entry("HANDLE_HINT_DMEM", 4),
                Map.entry("HANDLE_MQ", 8),
                Map.entry("HANDLE_INTERRUPT", 16),
                Map.entry("AIO_INIT", 0),
                Map.entry("AIO_PROCESS", 2),
                Map.entry("AIO_COMPLETE", 4),
                Map.entry("NVMED_SUCCESS", 0),
                Map.entry("NVMED_FAULT", 1),
                Map.entry("NVMED_NOENTRY", 2),
                Map.entry("NVMED_EXCEEDLIMIT", 3),
                Map.entry("NVMED_NOPERM", 4),
                Map.entry("NVMED_OVERQUOTA", 5),
                Map.entry("NVMED_INVALID", 6),
                Map.entry("SEEK_SET", 0),
                Map.entry("SEEK_CUR", 1),
                Map.entry("SEEK_END", 2)));
  }
}
