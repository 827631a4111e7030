package io.nvmedirect.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FioOptionsTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "rw=randrw rwmixread=70 bs=8k iodepth=32 numjobs=4 size=1g offset=4k io_size=3g",
        "rw=randread bssplit=4k/60:64k/40 random_distribution=zipf:1.15 randseed=9",
        "rw=randwrite bsrange=4k-64k random_distribution=zoned:50/5:50/95 fsync=16",
        "rw=randread random_distribution=normal:12.5 runtime=2500ms time_based ramp_time=1",
        "rw=randrw rate_iops=300,100 rate_process=poisson thinktime=15 thinktime_blocks=8",
        "rw=write rate=100k thinktime=1ms verify=crc32c stonewall group_reporting",
        "rw=write verify=crc32c do_verify=0 new_group startdelay=4 norandommap direct=1",
        "ioengine=mmap filename=a\\:b name=x"
      })
  void of_makesTheSameJob(String text) {
    JobOptions options = new JobOptions();
    options.set("filename", "mem:1GiB");
    for (String option : text.isEmpty() ? new String[0] : text.split(" ")) {
      int equals = option.indexOf('=');
      options.set(
          equals < 0 ? option : option.substring(0, equals),
          equals < 0 ? "" : option.substring(equals + 1));
    }
    Job job = options.build();

    JobOptions again = new JobOptions();
    FioOptions.of(job).forEach(again::set);

    assertThat(again.build()).isEqualTo(job);
    assertThat(again.ignored()).isEmpty();
  }
}
