package io.nvmedirect.vfiouser;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * As much of JSON (RFC 8259) as capabilities need, for the library has no dependencies: texts from the
 * other side are checked in full, but arrays are only skipped, and numbers are integers or nothing.
 */
final class Json {

  /** Of objects and arrays within each other; a peer has no reason for more. */
  private static final int MAX_DEPTH = 16;

  /** Stands for what is skipped: arrays, fractions and null. */
  private static final Object OTHER = new Object();

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  static Object parse(String text) throws IOException {
    Json json = new Json(text);
    Object value = json.value(0);
    if (json.peek() >= 0) {
      throw json.unexpected();
    }
    return value;
  }

  static Map<String, Object> object(Object value, String name) throws IOException {
    if (!(value instanceof Map<?, ?> map)) {
      throw new IOException(name + " is no JSON object");
    }
    Map<String, Object> copy = new LinkedHashMap<>();
    map.forEach((key, member) -> copy.put((String) key, member));
    return copy;
  }

  static long integer(Map<String, Object> object, String name, long absent, long least, long most)
      throws IOException {
    Object value = object.get(name);
    if (value == null) {
      return absent;
    }
    if (!(value instanceof Long number) || number < least || number > most) {
      throw new IOException("%s is no number from %d to %d".formatted(name, least, most));
    }
    return number;
  }

  static boolean bool(Map<String, Object> object, String name, boolean absent) throws IOException {
    Object value = object.get(name);
    if (value == null) {
      return absent;
    }
    if (!(value instanceof Boolean bool)) {
      throw new IOException(name + " is neither true nor false");
    }
    return bool;
  }

  /** Of objects, numbers and truth values; the names need no escapes. */
  static String format(Object value) {
    if (!(value instanceof Map<?, ?> map)) {
      return String.valueOf(value);
    }
    StringBuilder out = new StringBuilder("{");
    map.forEach((key, member) ->
        out.append(out.length() > 1 ? "," : "")
            .append('"')
            .append(key)
            .append("\":")
            .append(format(member)));
    return out.append('}').toString();
  }

  private Object value(int depth) throws IOException {
    int c = peek();
    if (depth > MAX_DEPTH) {
      throw new IOException("JSON of more than %d levels".formatted(MAX_DEPTH));
    }
    return switch (c) {
      case '{' -> members(depth);
      case '[' -> elements(depth);
      case '"' -> string();
      case 't' -> word("true", true);
      case 'f' -> word("false", false);
      case 'n' -> word("null", OTHER);
      default -> number();
    };
  }

  private Map<String, Object> members(int depth) throws IOException {
    Map<String, Object> members = new LinkedHashMap<>();
    at++;
    if (peek() == '}') {
      at++;
      return members;
    }
    while (true) {
      if (peek() != '"') {
        throw unexpected();
      }
      String name = string();
      expect(':');
      members.put(name, value(depth + 1));
      if (peek() == '}') {
        at++;
        return members;
      }
      expect(',');
    }
  }

  private Object elements(int depth) throws IOException {
    at++;
    if (peek() == ']') {
      at++;
      return OTHER;
    }
    while (true) {
      value(depth + 1);
      if (peek() == ']') {
        at++;
        return OTHER;
      }
      expect(',');
    }
  }

  /** Escapes are taken over as they are: no name that means anything has one. */
  private String string() throws IOException {
    int from = ++at;
    while (at < text.length() && text.charAt(at) != '"') {
      at += text.charAt(at) == '\\' ? 2 : 1;
    }
    if (at >= text.length()) {
      throw unexpected();
    }
    return text.substring(from, at++);
  }

  private Object word(String word, Object value) throws IOException {
    if (!text.startsWith(word, at)) {
      throw unexpected();
    }
    at += word.length();
    return value;
  }

  private Object number() throws IOException {
    int from = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    String digits = text.substring(from, at);
    if (digits.matches("-?(0|[1-9][0-9]{0,17})")) {
      return Long.parseLong(digits);
    }
    if (!digits.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")) {
      at = from;
      throw unexpected();
    }
    return OTHER;
  }

  private void expect(char c) throws IOException {
    if (peek() != c) {
      throw unexpected();
    }
    at++;
  }

  /** The next character that is no space; −1 at the end. */
  private int peek() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    return at < text.length() ? text.charAt(at) : -1;
  }

  private IOException unexpected() {
    return new IOException(
        "no JSON: %s at character %d"
            .formatted(at < text.length() ? "'" + text.charAt(at) + "'" : "the end", at));
  }
}
