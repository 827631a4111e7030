package io.nvmedirect.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StatusTest {

  @Test
  void parts_areTakenFromTheField() {
    int status = 0x4000 | 0x2000 | 0x285;
    assertThat(Status.codeType(status)).isEqualTo(2);
    assertThat(Status.code(status)).isEqualTo(0x85);
    assertThat(Status.codes(status)).isEqualTo(Status.COMPARE_FAILURE);
    assertThat(Status.doNotRetry(status)).isTrue();
    assertThat(Status.doNotRetry(0x285)).isFalse();
    assertThat(Status.name(status)).isEqualTo("Compare Failure");
    assertThat(Status.describe(status)).isEqualTo("Compare Failure (SCT 2h, SC 85h, do not retry)");
  }

  @Test
  void name_isThereForEachConstantAndDiffers() throws IllegalAccessException {
    Set<String> names = new HashSet<>();
    for (Field field : Status.class.getFields()) {
      if (Modifier.isStatic(field.getModifiers()) && field.getInt(null) <= 0x7FF) {
        String name = Status.name(field.getInt(null));
        assertThat(name).as(field.getName()).isNotEqualTo("Unknown Status");
        assertThat(names.add(name)).as(name).isTrue();
      }
    }
    assertThat(names).hasSizeGreaterThan(50);
  }

  @Test
  void name_ofWhatNobodyDefined_saysSo() {
    assertThat(Status.name(0x07F)).isEqualTo("Unknown Status");
    assertThat(Status.name(0x7C1)).isEqualTo("Vendor Specific");
  }

  @Test
  void exception_givesTheParts() {
    NvmeException e = new NvmeException("mem:1MiB: Read", Status.DNR | Status.LBA_OUT_OF_RANGE);
    assertThat(e.hasStatus()).isTrue();
    assertThat(e.statusCodeType()).isZero();
    assertThat(e.statusCode()).isEqualTo(0x80);
    assertThat(e.statusName()).isEqualTo("LBA Out of Range");
    assertThat(e.doNotRetry()).isTrue();
    assertThat(e).hasMessage("mem:1MiB: Read: LBA Out of Range (SCT 0h, SC 80h, do not retry)");
  }

  @Test
  void exception_withoutStatus_saysSo() {
    NvmeException e = new NvmeException("gone");
    assertThat(e.hasStatus()).isFalse();
    assertThat(e.status()).isEqualTo(-1);
    assertThat(e.statusCodeType()).isEqualTo(-1);
    assertThat(e.statusName()).isEmpty();
    assertThat(e.doNotRetry()).isFalse();
  }
}
