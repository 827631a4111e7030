package io.nvmedirect.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Block sizes as fio writes them: {@code bs}, {@code bsrange} and {@code bssplit}. */
final class BlockSizeText {

  private static final int MOST = 1 << 30;

  private BlockSizeText() {}

  /** The sizes of one direction: {@code 4k} of bs, {@code 1k-4k} of bsrange, {@code 4k/60:8k/40} of bssplit. */
  static BlockSizes parse(String key, String text) {
    return switch (key) {
      case "bsrange" -> range(key, text);
      case "bssplit" -> split(key, text);
      default -> BlockSizes.of(size(key, text, text));
    };
  }

  /** What {@link #parse} reads, with the key: {@code bs=4k}. */
  static Map.Entry<String, String> format(BlockSizes blocks) {
    List<Integer> bytes = blocks.bytes();
    if (bytes.size() == 1) {
      return Map.entry("bs", bytes.getFirst().toString());
    }
    if (blocks.shares().isEmpty()) {
      return Map.entry("bsrange", blocks.least() + "-" + blocks.most());
    }
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < bytes.size(); i++) {
      parts.add(bytes.get(i) + "/" + blocks.shares().get(i));
    }
    return Map.entry("bssplit", String.join(":", parts));
  }

  private static BlockSizes range(String key, String text) {
    String[] ends = text.split("[-:]", -1);
    if (ends.length != 2) {
      throw FioValues.bad(key, text, "a range such as 4k-64k");
    }
    int first = size(key, text, ends[0]);
    int second = size(key, text, ends[1]);
    int least = Math.min(first, second);
    int most = Math.max(first, second);
    if (most % least != 0) {
      throw FioValues.bad(key, text, "the larger size is a multiple of the smaller one");
    }
    return BlockSizes.range(least, most);
  }

  /** Sizes with percentages; those without one share what the others leave. */
  private static BlockSizes split(String key, String text) {
    Map<Integer, Integer> shares = new TreeMap<>();
    List<Integer> open = new ArrayList<>();
    int left = 100;
    for (String part : text.split(":", -1)) {
      int slash = part.indexOf('/');
      int bytes = size(key, text, slash < 0 ? part : part.substring(0, slash));
      String percent = slash < 0 ? "" : part.substring(slash + 1).strip();
      if (percent.isEmpty()) {
        open.add(bytes);
      } else {
        int share = share(key, text, percent);
        left -= share;
        shares.merge(bytes, share, Integer::sum);
      }
    }
    if (left < 0 || (left > 0 && open.isEmpty())) {
      throw FioValues.bad(
          key, text, "the percentages are %d together, not 100".formatted(100 - left));
    }
    for (int i = 0; i < open.size(); i++) {
      int share = left / open.size() + (i < left % open.size() ? 1 : 0);
      shares.merge(open.get(i), share, Integer::sum);
    }
    shares.values().removeIf(share -> share == 0);
    return new BlockSizes(List.copyOf(shares.keySet()), List.copyOf(shares.values()));
  }

  private static int share(String key, String text, String percent) {
    if (!percent.matches("\\d{1,3}") || Integer.parseInt(percent) > 100) {
      throw FioValues.bad(key, text, "percentages are 0 to 100, such as 4k/60:64k/40");
    }
    return Integer.parseInt(percent);
  }

  private static int size(String key, String text, String part) {
    long bytes;
    try {
      bytes = FioValues.bytes(key, part.strip());
    } catch (IllegalArgumentException e) {
      throw (IllegalArgumentException)
          FioValues.bad(key, text, "'%s' is no size such as 512, 4k, 1m".formatted(part))
              .initCause(e);
    }
    if (bytes < 1 || bytes > MOST) {
      throw FioValues.bad(key, text, "1 byte to 1g");
    }
    return (int) bytes;
  }
}
