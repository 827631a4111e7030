package io.nvmedirect.cli.bench;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run was made with.
 *
 * @param program its version, such as {@code 0.1.0}
 * @param jdk version of the JVM
 * @param cpu name of the processor
 * @param cpus that the JVM may use
 * @param model of the device, as it calls itself
 * @param emulated whether the device is the embedded controller, which uses the same CPUs
 * @param tool what the load generator itself takes for an I/O; null if it could not be measured
 * @param start of the run
 * @param disks what the run did to the disks below its files
 * @param elapsedMs from the first job's start to the last one's end
 */
public record RunInfo(
    String program,
    String jdk,
    String cpu,
    int cpus,
    String model,
    boolean emulated,
    @Nullable ToolCost tool,
    Instant start,
    List<DiskUse> disks,
    long elapsedMs) {}
