package io.nvmedirect.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.nvmedirect.cli.format.Table;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

final class TableTest {

  @Test
  void print_alignsColumns() {
    StringWriter out = new StringWriter();
    PrintWriter writer = new PrintWriter(out);
    new Table("NAME", ">SIZE", "NOTE").row("a", 5, "").row("long name", 12345, "x").print(writer);
    assertThat(out.toString().lines())
        .containsExactly("NAME        SIZE  NOTE", "a              5", "long name  12345  x");
  }

  @Test
  void row_wrongNumberOfCells() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Table("A", "B").row("only one"))
        .withMessage("cells=1, columns=2");
  }
}
