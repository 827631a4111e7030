package io.nvmedirect.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An object of a result file, whose errors name the file and the place in it.
 *
 * @param file its name
 * @param path of the object in the file, such as {@code jobs[0].read}; empty for the whole
 */
record Fields(String file, String path, JsonNode node) {

  private String at(String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  IOException wrong(String name, String what) {
    return new IOException("%s: %s %s".formatted(file, at(name), what));
  }

  /** An object within; null if there is none. */
  @Nullable Fields object(String name) throws IOException {
    JsonNode child = node.path(name);
    if (child.isMissingNode() || child.isNull()) {
      return null;
    }
    if (!child.isObject()) {
      throw wrong(name, "is no object");
    }
    return new Fields(file, at(name), child);
  }

  /** The objects of an array within, which has to be there. */
  List<Fields> objects(String name) throws IOException {
    JsonNode array = node.path(name);
    if (!array.isArray()) {
      throw wrong(name, array.isMissingNode() ? "is missing" : "is no array");
    }
    List<Fields> objects = new ArrayList<>();
    for (JsonNode child : array) {
      String place = "%s[%d]".formatted(name, objects.size());
      if (!child.isObject()) {
        throw wrong(place, "is no object");
      }
      objects.add(new Fields(file, at(place), child));
    }
    return objects;
  }

  /** Text; null if there is none. */
  @Nullable String text(String name) {
    JsonNode child = node.path(name);
    return child.isValueNode() && !child.isNull() ? child.asText() : null;
  }

  /** A finite number; null if there is none. */
  @Nullable Double optional(String name) throws IOException {
    JsonNode child = node.path(name);
    return child.isMissingNode() || child.isNull() ? null : (Double) number(name, child);
  }

  /** A finite number that has to be there. */
  double number(String name) throws IOException {
    JsonNode child = node.path(name);
    if (child.isMissingNode()) {
      throw wrong(name, "is missing");
    }
    return number(name, child);
  }

  private double number(String name, JsonNode child) throws IOException {
    if (!child.isNumber() || !Double.isFinite(child.doubleValue())) {
      throw wrong(name, "is %s, not a number".formatted(child));
    }
    return child.doubleValue();
  }

  /** The numbers of an array within, none if there is no array. */
  List<Double> numbers(String name) throws IOException {
    List<Double> numbers = new ArrayList<>();
    for (JsonNode child : node.path(name)) {
      numbers.add(number("%s[%d]".formatted(name, numbers.size()), child));
    }
    return numbers;
  }

  /** An object within whose names are numbers, none if there is no object. */
  NavigableMap<Double, Double> table(String name) throws IOException {
    NavigableMap<Double, Double> table = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : node.path(name).properties()) {
      String place = name + "." + entry.getKey();
      try {
        table.put(Double.valueOf(entry.getKey()), number(place, entry.getValue()));
      } catch (NumberFormatException e) {
        throw wrong(place, "has a name that is no number");
      }
    }
    return table;
  }
}
