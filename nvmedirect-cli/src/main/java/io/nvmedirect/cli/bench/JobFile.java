package io.nvmedirect.cli.bench;

import io.nvmedirect.cli.bench.JobLines.Option;
import io.nvmedirect.cli.bench.JobLines.Section;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The jobs of a file in fio's format. Each section is a job; the options of all {@code [global]} sections before it
 * are its options too, unless it has its own.
 *
 * @param jobs in the order of the file
 * @param messages what has no effect or another one than with fio, each with file, line and section
 */
public record JobFile(List<Job> jobs, List<String> messages) {

  /** A unit of the kind of 4KiB, which is 4000 for fio unless kb_base is 1000. */
  private static final Pattern BINARY_UNIT =
      Pattern.compile("(?s).*\\d[kmgtp]i.*", Pattern.CASE_INSENSITIVE);

  private static final Set<String> SIZE_KEYS =
      Set.of("bs", "bsrange", "bssplit", "size", "filesize", "io_size", "offset");

  /** Whether a file looks like one of jobs, so that it is not to be taken for data. */
  public static boolean isOne(Path file) throws IOException {
    return JobText.isJobs(file);
  }

  /**
   * Reads a file.
   *
   * @param overrides options that are those of every job, whatever the file says
   * @throws IOException if the file cannot be read, or is none of jobs that can be run here: with file, line,
   *     section and key
   * @throws IllegalArgumentException if an override is wrong
   */
  public static JobFile read(Path file, Map<String, String> overrides) throws IOException {
    return read(file, overrides, System::getenv);
  }

  static JobFile read(
      Path file, Map<String, String> overrides, UnaryOperator<@Nullable String> environment)
      throws IOException {
    Reader reader = new Reader(overrides);
    for (Section section : JobLines.read(file, environment)) {
      reader.add(section);
    }
    if (reader.drafts.isEmpty()) {
      throw new IOException(file + ": no job: it needs a section such as [randread]");
    }
    return new JobFile(reader.jobs(), List.copyOf(reader.messages));
  }

  /** A job whose file may yet be found to be another job's too. */
  private record Draft(Section section, JobOptions options, Map<String, String> at) {}

  /** What was read so far. */
  private static final class Reader {

    private final Map<String, String> overrides = new LinkedHashMap<>();
    private final List<Option> globals = new ArrayList<>();
    private final List<Draft> drafts = new ArrayList<>();
    private final Set<String> messages = new LinkedHashSet<>();

    Reader(Map<String, String> overrides) {
      overrides.forEach((key, value) -> this.overrides.put(FioKeys.canonical(key), value));
      // What is wrong in here is not the file's fault.
      this.overrides.forEach(new JobOptions()::set);
    }

    void add(Section section) throws IOException {
      if (section.isGlobal()) {
        globals.addAll(section.options());
        return;
      }
      Draft draft = new Draft(section, new JobOptions(), new HashMap<>());
      draft.options().set("name", section.name());
      for (Option option : globals) {
        if (!option.key().equals("name")) {
          set(draft, option, "global");
        }
      }
      for (Option option : section.options()) {
        set(draft, option, section.name());
      }
      overrides.forEach(draft.options()::set);
      drafts.add(draft);
    }

    private void set(Draft draft, Option option, String section) throws IOException {
      String key = FioKeys.canonical(option.key());
      if (isOverridden(key)) {
        return;
      }
      draft.at().put(key, option.at());
      List<String> before = draft.options().ignored();
      try {
        draft.options().set(option.key(), option.value());
      } catch (IllegalArgumentException e) {
        throw failed(option.at(), draft.section().name(), e);
      }
      tell(draft, before, option.at(), section);
      if (SIZE_KEYS.contains(key) && BINARY_UNIT.matcher(option.value()).matches()) {
        messages.add(
            "%s: [%s] %s=%s: units are powers of 1024, and for fio KiB is 1000"
                .formatted(option.at(), section, option.key(), option.value()));
      }
    }

    private boolean isOverridden(String key) {
      boolean block = key.startsWith("bs") && SIZE_KEYS.contains(key);
      return overrides.containsKey(key)
          || (block
              && (overrides.containsKey("bs")
                  || overrides.containsKey("bsrange")
                  || overrides.containsKey("bssplit")));
    }

    private void tell(Draft draft, List<String> before, String at, String section) {
      for (String note : draft.options().ignored()) {
        if (!before.contains(note)) {
          messages.add("%s: [%s] %s".formatted(at, section, note));
        }
      }
    }

    List<Job> jobs() throws IOException {
      Map<String, Long> bytes = fileBytes();
      List<Job> jobs = new ArrayList<>();
      for (Draft draft : drafts) {
        List<String> before = draft.options().ignored();
        try {
          String file = draft.options().file();
          long extent = draft.options().extent();
          jobs.add(draft.options().build(file == null ? extent : bytes.getOrDefault(file, extent)));
        } catch (IllegalArgumentException e) {
          throw failed(atOf(draft, e), draft.section().name(), e);
        }
        tell(draft, before, draft.section().at(), draft.section().name());
      }
      return List.copyOf(jobs);
    }

    /** The most that the jobs of each file need. */
    private Map<String, Long> fileBytes() throws IOException {
      Map<String, Long> bytes = new HashMap<>();
      for (Draft draft : drafts) {
        try {
          String file = draft.options().file();
          if (file != null) {
            bytes.merge(file, draft.options().extent(), Math::max);
          }
        } catch (IllegalArgumentException e) {
          throw failed(atOf(draft, e), draft.section().name(), e);
        }
      }
      return bytes;
    }

    /** The line of the key that a message begins with, else that of the section. */
    private static String atOf(Draft draft, IllegalArgumentException error) {
      String key = String.valueOf(error.getMessage()).split("[=:]", 2)[0];
      return draft.at().getOrDefault(key, draft.section().at());
    }

    private static IOException failed(String at, String section, IllegalArgumentException error) {
      return new IOException("%s: [%s] %s".formatted(at, section, error.getMessage()), error);
    }
  }
}
