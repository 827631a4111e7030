package io.nvmedirect.driver;

import io.nvmedirect.memory.DmaBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Flows that always have so many requests outstanding on a {@link SimulatedPair}. */
final class Simulation {

  static final Namespace NAMESPACE = new Namespace(1, 9, (256L << 20) >> 9, 1024, 0, false);

  /** One load of a flow. */
  final class Load {
    final Flow flow = new Flow();
    final List<BlockRequest> requests = new ArrayList<>();
    private final long[] beganNs;
    private final int opcode;
    private final int lengthBytes;
    private long[] latencies = new long[1024];
    int done;

    private Load(int opcode, int lengthBytes, int depth) {
      this.opcode = opcode;
      this.lengthBytes = lengthBytes;
      this.beganNs = new long[depth];
      for (int i = 0; i < depth; i++) {
        BlockRequest request = new BlockRequest(LISTENER);
        request.flow(flow);
        requests.add(request);
      }
    }

    private void begin(int i) {
      BlockRequest request = requests.get(i);
      int blocks = lengthBytes >> 9;
      long slba = random.nextLong(NAMESPACE.sizeBlocks() / blocks) * blocks;
      request.transfer(opcode, NAMESPACE, 0, slba, blocks, buffer, 0);
      beganNs[i] = pair.nowNs;
      pair.nowNs += SUBMIT_NS;
      if (scheduler == null) {
        if (!request.post(pair)) {
          throw new IllegalStateException("full");
        }
      } else {
        scheduler.add(request);
      }
    }

    private void collect() {
      for (int i = 0; i < beganNs.length; i++) {
        BlockRequest request = requests.get(i);
        if (request.inFlight() == 0 && !request.backlogged) {
          if (done == latencies.length) {
            latencies = Arrays.copyOf(latencies, 2 * done);
          }
          latencies[done++] = pair.nowNs - beganNs[i];
          begin(i);
        }
      }
    }

    long percentileNs(double percent) {
      long[] sorted = Arrays.copyOf(latencies, done);
      Arrays.sort(sorted);
      return sorted[(int) (done * percent / 100)];
    }

    double megabytesPerSecond() {
      return done * (double) lengthBytes * 1e3 / countedNs;
    }

    double iops() {
      return done * 1e9 / countedNs;
    }
  }

  private static final BlockRequest.Listener LISTENER =
      new BlockRequest.Listener() {
        @Override
        public boolean ended(int status) {
          return false;
        }

        @Override
        public void finished() {}
      };

  /** What the host needs to submit an operation and to take its completion. */
  private static final long SUBMIT_NS = 300;

  private static final long REAP_NS = 300;

  final SimulatedPair pair;
  private final DmaBuffer buffer;
  private final Random random = new Random(1);
  private final List<Load> loads = new ArrayList<>();
  private @Nullable Scheduler scheduler;
  private long countedNs;

  Simulation(SimulatedPair pair, DmaBuffer buffer) {
    this.pair = pair;
    this.buffer = buffer;
  }

  Load load(int opcode, int lengthBytes, int depth) {
    Load load = new Load(opcode, lengthBytes, depth);
    loads.add(load);
    return load;
  }

  void schedule(Load load, int priority, int weight) {
    Scheduler ordering = scheduler;
    if (ordering == null) {
      ordering = new Scheduler(pair, request -> {}, pair.nowNs);
      scheduler = ordering;
    }
    ordering.change(load.flow, priority, weight);
  }

  /** Runs for a time that does not count and one that does. */
  void run(long warmUpNs, long runNs) {
    for (Load load : loads) {
      for (int i = 0; i < load.requests.size(); i++) {
        load.begin(i);
      }
    }
    runUntil(pair.nowNs + warmUpNs);
    loads.forEach(load -> load.done = 0);
    long began = pair.nowNs;
    runUntil(began + runNs);
    countedNs = pair.nowNs - began;
  }

  private void runUntil(long endNs) {
    while (pair.nowNs < endNs) {
      if (scheduler != null) {
        scheduler.dispatch(pair.nowNs);
      }
      pair.ring();
      pair.skipToNext();
      if (scheduler == null) {
        pair.nowNs += REAP_NS * pair.reap(Integer.MAX_VALUE);
      } else {
        scheduler.beforeReap(pair.nowNs);
        pair.nowNs += REAP_NS * pair.reap(Integer.MAX_VALUE);
        scheduler.afterReap();
      }
      loads.forEach(Load::collect);
    }
  }
}
