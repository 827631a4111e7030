package io.nvmedirect.cli.report;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/**
 * A part of a screenshot.
 *
 * @param left in pixels of the image, as the others
 */
record Drawing(BufferedImage image, int left, int top, int width, int height) {

  /** Where a colour is in a column of pixels: its mean height above the bottom. */
  record Point(int column, double height) {}

  /** The columns that have the colour, from left to right. */
  List<Point> curve(int colour) {
    List<Point> points = new ArrayList<>();
    for (int x = 0; x < width; x++) {
      long sum = 0;
      int found = 0;
      for (int y = 0; y < height; y++) {
        if (isNear(image.getRGB(left + x, top + y), colour)) {
          sum += height - 1 - y;
          found++;
        }
      }
      if (found > 0) {
        points.add(new Point(x, (double) sum / found));
      }
    }
    return points;
  }

  /** Edges of lines are blends with what is behind them, and do not count. */
  private static boolean isNear(int one, int other) {
    for (int shift = 0; shift < 24; shift += 8) {
      if (Math.abs((one >> shift & 0xff) - (other >> shift & 0xff)) > 12) {
        return false;
      }
    }
    return true;
  }
}
