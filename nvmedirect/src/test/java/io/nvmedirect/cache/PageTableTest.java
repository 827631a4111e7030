package io.nvmedirect.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PageTableTest {

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 3", "3, 5", "7, 20", "64, 100", "64, 4000000000000", "1000, 1500"})
  void putFindRemove_areThoseOfAMap(int capacity, long pages) {
    long seed = 7;
    Random random = new Random(seed);
    PageTable table = new PageTable(capacity);
    Map<Long, Integer> model = new HashMap<>();
    for (int i = 0; i < 50_000; i++) {
      long page = random.nextLong(pages);
      if (model.containsKey(page) && random.nextBoolean()) {
        model.remove(page);
        table.remove(page);
      } else if (model.size() < capacity || model.containsKey(page)) {
        model.put(page, i);
        table.put(page, i);
      } else {
        long victim = model.keySet().iterator().next();
        model.remove(victim);
        table.remove(victim);
      }
      assertThat(table.find(page))
          .as("seed %d, operation %d", seed, i)
          .isEqualTo(model.getOrDefault(page, PageTable.NONE));
      if (i % 100 == 0) {
        model.forEach((key, value) -> assertThat(table.find(key)).isEqualTo(value));
      }
    }
  }
}
