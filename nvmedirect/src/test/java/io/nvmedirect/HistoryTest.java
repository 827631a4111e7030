package io.nvmedirect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every way to a block sees one order of what happened to it: threads access a few blocks in all ways at
 * once, round by round, and each round's history must have an order that explains it. A failure names its
 * seed; {@code -Dnvmedirect.seed=N} runs the same accesses, if not in the same order, and {@code
 * -Dnvmedirect.rounds=N} more of them.
 */
@Tag("emulator")
@Timeout(600)
class HistoryTest {

  private static final int USERS = 4;
  private static final int ACCESSES = 3;
  private static final int ROUNDS = Integer.getInteger("nvmedirect.rounds", 150);

  @TempDir Path directory;

  private final long seed = Long.getLong("nvmedirect.seed", System.nanoTime());
  private final AtomicLong clock = new AtomicLong();

  @ParameterizedTest
  @CsvSource({
    // address, pages of the cache, queues, threads
    "'mem:1MiB?lba=4096', 0, ONE, PLATFORM",
    "'mem:1MiB?lba=4096', 1, ONE, VIRTUAL",
    "'mem:1MiB?lba=4096', 4, MANY, PLATFORM",
    "'mem:1MiB?lba=512', 64, MANY, VIRTUAL",
    "'mem:1MiB?lba=4096&mode=thread', 0, MANY, PLATFORM",
    "'mem:1MiB?lba=4096&mode=thread', 0, ONE, VIRTUAL",
    "'mem:1MiB?lba=4096&mode=thread', 1, MANY, PLATFORM",
    "'mem:1MiB?lba=4096&mode=thread', 4, ONE, VIRTUAL",
    "'mem:1MiB?lba=512&mode=thread', 64, ONE, PLATFORM",
    "'mem:1MiB?lba=4096&mode=thread&mdts=8KiB', 4, MANY, VIRTUAL",
    "'mem:1MiB?lba=4096&mdts=8KiB', 64, MANY, PLATFORM",
    "'mem:1MiB?lba=4096&model=flash', 0, MANY, PLATFORM",
    "'mem:1MiB?lba=4096&model=flash', 1, MANY, VIRTUAL",
    "'mem:1MiB?lba=4096&model=flash', 4, MANY, PLATFORM",
    "'mem:1MiB?lba=512&model=flash&mdts=8KiB', 64, ONE, VIRTUAL",
    "'mem:1MiB?lba=4096&mode=thread&sgl=off', 4, MANY, PLATFORM",
    "'file:?size=1MiB&lba=4096', 4, MANY, PLATFORM",
    "'file:?size=1MiB&lba=512', 1, ONE, VIRTUAL",
    "'file:?size=1MiB&lba=4096&mode=thread', 0, MANY, PLATFORM",
    "'file:?size=1MiB&lba=4096&mode=thread', 64, ONE, VIRTUAL",
  })
  void accesses_inAllWaysAtOnce_haveOneOrder(
      String form, int cachePages, Queues queues, Kind threads) throws Exception {
    String address = form.replace("file:", "file:" + directory.resolve("disk.img"));
    DeviceOptions options = DeviceOptions.defaults().withCachePages(cachePages);
    try (NvmeDevice device = NvmeDevice.open(address, options);
        Places places = new Places(device, 3)) {
      places.run(queues, threads);
    }
  }

  /** ONE for all; MANY: one for each user, one of each kind. */
  enum Queues {
    ONE,
    MANY
  }

  enum Kind {
    PLATFORM,
    VIRTUAL
  }

  /** The halves of some blocks, and what their values may be. */
  private final class Places implements AutoCloseable {

    private final NvmeDevice device;
    private final int blocks;
    private final List<NvmeQueue> queues = new ArrayList<>();
    private final List<List<HistoryUser.Seen>> round = new ArrayList<>();
    private final List<Set<Long>> values = new ArrayList<>();
    private int rounds;

    Places(NvmeDevice device, int blocks) {
      this.device = device;
      this.blocks = blocks;
      for (int place = 0; place < 2 * blocks; place++) {
        values.add(Set.of(0L));
      }
      for (int user = 0; user < USERS; user++) {
        round.add(List.of());
      }
    }

    void run(Queues wanted, Kind kind) throws Exception {
      openQueues(wanted, kind);
      CyclicBarrier barrier = new CyclicBarrier(USERS, this::check);
      try (ExecutorService threads =
          kind == Kind.VIRTUAL
              ? Executors.newVirtualThreadPerTaskExecutor()
              : Executors.newFixedThreadPool(USERS)) {
        List<Future<?>> users = new ArrayList<>();
        for (int user = 0; user < USERS; user++) {
          int number = user;
          users.add(threads.submit(() -> use(number, barrier)));
        }
        rethrowTheFirst(users);
      }
    }

    private void openQueues(Queues wanted, Kind kind) throws IOException {
      if (wanted == Queues.ONE) {
        NvmeQueue one = device.createQueue(8);
        for (int user = 0; user < USERS; user++) {
          queues.add(one);
        }
        return;
      }
      queues.add(device.createQueue(8));
      queues.add(device.createQueue(8, QueueOption.MANUAL_COMPLETION));
      queues.add(
          kind == Kind.VIRTUAL
              ? device.createQueue(2)
              : device.createQueue(8, QueueOption.CONFINED));
      queues.add(device.createQueue(8, QueueOption.INTERRUPT));
    }

    private Void use(int user, CyclicBarrier barrier) throws Exception {
      NvmeQueue queue = queues.get(user);
      HandleOption[] waiting =
          queue.options().contains(QueueOption.INTERRUPT)
              ? new HandleOption[] {HandleOption.INTERRUPT}
              : new HandleOption[0];
      try (HistoryUser accessing =
          new HistoryUser(device, queue, clock, seed, user, blocks, waiting)) {
        for (int i = 0; i < ROUNDS; i++) {
          round.set(user, accessing.round(ACCESSES));
          barrier.await(300, TimeUnit.SECONDS);
        }
      } catch (Exception | Error e) {
        // The others do not wait for this one.
        barrier.reset();
        throw e;
      }
      return null;
    }

    /** All users have ended their round and wait. */
    private void check() {
      for (int place = 0; place < values.size(); place++) {
        RegisterHistory history = new RegisterHistory();
        for (List<HistoryUser.Seen> accesses : round) {
          for (HistoryUser.Seen seen : accesses) {
            int index = place - seen.firstPlace();
            if (index >= 0 && index < seen.values().size()) {
              history.add(
                  new RegisterHistory.Access(
                      seen.begin(),
                      seen.end(),
                      seen.write(),
                      seen.values().get(index),
                      seen.what()));
            }
          }
        }
        Set<Long> before = values.get(place);
        values.set(place, history.finals(before));
        if (values.get(place).isEmpty()) {
          throw new AssertionError(
              "no order explains round %d of place %d of %s, which had %s (-Dnvmedirect.seed=%d):%s"
                  .formatted(rounds, place, device.address(), hex(before), seed, history));
        }
      }
      rounds++;
    }

    private List<String> hex(Set<Long> of) {
      return of.stream().map(Long::toHexString).toList();
    }

    private void rethrowTheFirst(List<Future<?>> users) throws Exception {
      Set<Throwable> thrown = new HashSet<>();
      for (Future<?> user : users) {
        try {
          user.get(500, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
          thrown.add(e.getCause());
        }
      }
      for (Throwable e : thrown) {
        if (!(e instanceof BrokenBarrierException)) {
          throw new AssertionError(e.getMessage(), e);
        }
      }
      assertThat(thrown).isEmpty();
      assertThat(rounds).isEqualTo(ROUNDS);
    }

    @Override
    public void close() throws IOException {
      for (NvmeQueue queue : new HashSet<>(queues)) {
        queue.close();
      }
      assertThat(Arrays.asList(device.queues().open())).isEmpty();
    }
  }
}
