package io.nvmedirect.cli.bench;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What is known of fio's keys: other names, those without effect here, and those that a job cannot do without. */
final class FioKeys {

  /** Keys that make a job. */
  private static final Set<String> USED =
      words(
          """
          name description filename directory ioengine direct buffered rw bs bsrange bssplit iodepth numjobs
          size filesize io_size offset number_ios loops runtime time_based ramp_time startdelay rate rate_iops
          rate_process thinktime thinktime_blocks fsync fdatasync rwmixread rwmixwrite random_distribution
          norandommap randseed randrepeat verify do_verify group_reporting new_group stonewall wait_for
          """);

  private static final Map<String, String> ALIASES =
      pairs(
          """
          readwrite rw
          blocksize bs
          blocksize_range bsrange
          io_limit io_size
          timeout runtime
          allrandrepeat randrepeat
          wait_for_previous stonewall
          ba blockalign
          ratemin rate_min
          nr_files nrfiles
          iomem mem
          ss steadystate
          threads thread
          mem_align iomem_align
          """);

  /** Keys without effect, and why where it is not plain. */
  private static final Map<String, String> IGNORED = ignored();

  /** Keys without which the job would be another one; values that change nothing are in {@link #HARMLESS}. */
  private static final Map<String, String> REFUSED =
      pairs(
          """
          zonemode zones of zoned devices are not supported
          flow jobs do not wait for each other's I/O here
          flow_id jobs do not wait for each other's I/O here
          latency_target the depth is fixed here: give iodepth
          steadystate the length is fixed here: give runtime
          cmdprio commands have no priorities here
          cmdprio_percentage commands have no priorities here
          cmdprio_bssplit commands have no priorities here
          trim_percentage no trims: the workloads are read, write, rw, randread, randwrite and randrw
          trim_backlog no trims: the workloads are read, write, rw, randread, randwrite and randrw
          sg_write_mode no SCSI commands
          read_iolog traces are not replayed
          offset_increment the workers of a job share its region: write a section for each offset
          percentage_random a job is random or sequential, not both
          bs_unaligned I/Os are whole blocks of the device
          verify_only a job that only checks is rw=read or rw=randread with verify=crc32c
          verify_offset the checksum is at the beginning of each block
          sync no O_SYNC: fsync=1 flushes after each write
          create_only a job does I/O here
          opendir name a file or device with filename
          profile write the jobs as sections
          kb_base sizes are powers of 1024 here
          """);

  private static final Set<String> HARMLESS = Set.of("", "0", "none", "1024");

  /** fio's engines with several I/Os in flight. */
  private static final Set<String> ASYNCHRONOUS =
      Set.of(
          "libaio",
          "io_uring",
          "io_uring_cmd",
          "posixaio",
          "windowsaio",
          "solarisaio",
          "libblkio",
          "xnvme");

  /** fio's engines with one I/O in flight, whatever iodepth says. */
  private static final Set<String> SYNCHRONOUS =
      Set.of("sync", "psync", "vsync", "pvsync", "pvsync2", "splice");

  private FioKeys() {}

  /** The name by which a key is known here. */
  static String canonical(String key) {
    return ALIASES.getOrDefault(key, key);
  }

  static boolean isUsed(String key) {
    return USED.contains(key);
  }

  /** Why the job cannot be run with this; null if it can. */
  static @Nullable String refusal(String key, String value) {
    boolean flag = value.isEmpty() && (key.equals("verify_only") || key.equals("create_only"));
    boolean wholly = key.equals("percentage_random") && value.equals("100");
    return wholly || (HARMLESS.contains(value) && !flag) ? null : REFUSED.get(key);
  }

  /** Why a key that is not used has no effect; empty if that is plain. */
  static String whyIgnored(String key) {
    if (key.startsWith("sqthread_poll") || key.startsWith("log_") || key.endsWith("_log")) {
      return "";
    }
    return REFUSED.containsKey(key)
        ? ""
        : IGNORED.getOrDefault(key, "no key of fio's that is known here");
  }

  /** The engine of an {@code ioengine}; null if there is none like it. */
  static @Nullable Engine engine(String name) {
    return switch (name) {
      case "nvmed", "null" -> Engine.NVMED;
      case "filechannel" -> Engine.FILECHANNEL;
      case "asyncfilechannel" -> Engine.ASYNCFILECHANNEL;
      case "mmap" -> Engine.MMAP;
      case "iouring" -> Engine.IOURING;
      default -> ASYNCHRONOUS.contains(name) || SYNCHRONOUS.contains(name) ? Engine.NVMED : null;
    };
  }

  /** Whether an {@code ioengine} has one I/O in flight in fio, whatever iodepth says. */
  static boolean isSynchronous(String ioengine) {
    return SYNCHRONOUS.contains(ioengine);
  }

  /** Whether an {@code ioengine} is one of fio's that the framework stands for. */
  static boolean isReplaced(String ioengine) {
    return ASYNCHRONOUS.contains(ioengine) || SYNCHRONOUS.contains(ioengine);
  }

  private static Map<String, String> ignored() {
    Map<String, String> keys = new HashMap<>();
    for (String key :
        words(
            """
            thread cpus_allowed cpus_allowed_policy cpumask numa_cpu_nodes numa_mem_policy nice prio prioclass
            priolevel uid gid cgroup cgroup_weight cgroup_nodelete mem iomem_align hugepage-size lockmem clocksource
            gtod_reduce gtod_cpu disable_lat disable_clat disable_slat disable_bw_measurement disk_util
            bwavgtime iopsavgtime per_job_logs block_error_percentiles significant_figures unit_base stats
            invalidate fadvise_hint fallocate write_hint pre_read allow_mounted_write create_serialize
            create_fsync create_on_open allow_file_create file_append overwrite unlink_each_loop openfiles
            lockfile file_service_type atomic readwait serialize_overlap random_generator rw_sequencer
            userspace_reap hipri hipri_percentage fixedbufs registerfiles nonvectored cmd_type readfua
            writefua uncached nowait force_async iodepth_low write_barrier sync_file_range ioscheduler
            exitall_on_error error_dump max_latency latency_window latency_percentile latency_run
            zonesize zonecapacity zonerange zoneskip read_beyond_wp max_open_zones job_max_open_zones
            flow_sleep ss_dur ss_ramp steadystate_duration steadystate_ramp_time cmdprio_class
            verify_state_load verify_state_save verify_dump verify_async verify_async_cpus
            experimental_verify dedupe_mode dedupe_working_set_percentage dedupe_global
            buffer_compress_chunk trim_backlog_batch trim_verify_zero rate_cycle rate_ignore_thinktime
            write_iolog read_iolog_chunked replay_no_stall replay_redirect replay_scale replay_align replay_time_scale
            replay_skip merge_blktrace_file merge_blktrace_scalars merge_blktrace_iters ignore_zone_limits
            zone_reset_threshold zone_reset_frequency
            thinktime_spin thinktime_blocks_type thinktime_iotime unique_filename
            """)) {
      keys.put(key, "");
    }
    keys.putAll(
        pairs(
            """
            io_submit_mode I/Os have a schedule; those that must wait count their wait
            iodepth_batch submission is nvmed's
            iodepth_batch_submit submission is nvmed's
            iodepth_batch_complete completion is nvmed's
            iodepth_batch_complete_min completion is nvmed's
            iodepth_batch_complete_max completion is nvmed's
            blockalign blocks are aligned by nvmed
            offset_align blocks are aligned by nvmed
            fill_device size says how much
            nrfiles one file for a job
            filename_format one file for a job, JOBNAME.0.0
            unlink files stay
            fsync_on_close give fsync
            end_fsync give fsync
            rate_min a job that is too slow goes on
            rate_iops_min a job that is too slow goes on
            exitall each job ends by itself
            exit_what each job ends by itself
            exec_prerun no program is started
            exec_postrun no program is started
            continue_on_error an error ends the run
            ignore_error an error ends the run
            verify_fatal what is wrong is counted
            verify_pattern data is checked by CRC-32C
            verify_interval one checksum for a block
            verify_backlog data is checked after the writes
            verify_backlog_batch data is checked after the writes
            buffer_pattern what is written is nvmed's
            buffer_compress_percentage what is written is nvmed's
            dedupe_percentage what is written is nvmed's
            refill_buffers what is written is nvmed's
            zero_buffers what is written is nvmed's
            scramble_buffers what is written is nvmed's
            unified_rw_reporting reads and writes are reported apart
            percentile_list the percentiles are fio's default ones
            clat_percentiles all percentiles are reported
            lat_percentiles all percentiles are reported
            slat_percentiles submission is not measured apart
            """));
    return Map.copyOf(keys);
  }

  private static Set<String> words(String text) {
    return Set.of(text.strip().split("\\s+"));
  }

  /** Lines of a key and text. */
  private static Map<String, String> pairs(String text) {
    Map<String, String> pairs = new HashMap<>();
    text.lines()
        .forEach(line -> {
          int blank = line.indexOf(' ');
          pairs.put(line.substring(0, blank), line.substring(blank + 1));
        });
    return Map.copyOf(pairs);
  }
}
