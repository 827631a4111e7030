package io.nvmedirect.cli;

import java.time.Duration;

/**
 * What {@code bench} does to a device.
 *
 * @param blockBytes bytes of one I/O
 * @param depth I/Os in flight on each queue
 * @param queues queues, each with a thread of its own
 * @param warmup time before the measurement
 * @param runtime time of the measurement
 */
record BenchLoad(
    Workload workload, int blockBytes, int depth, int queues, Duration warmup, Duration runtime) {}
