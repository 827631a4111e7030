package io.nvmedirect.cli.bench;

import io.nvmedirect.NvmeDevice;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a job works on: a device or a file, and how much of it.
 *
 * @param device of the framework; null for the engines that use a path
 * @param file of those engines; null for the framework
 * @param sizeBytes from the job's offset on
 */
record Region(@Nullable NvmeDevice device, @Nullable BlockFile file, long sizeBytes) {

  /** Opens it, and fails if the job does not fit. */
  static Region open(Job job, Devices devices) throws IOException {
    Job.Target target = job.target();
    Job.Pattern pattern = job.pattern();
    long end = pattern.size() == 0 ? 0 : pattern.offset() + pattern.size();
    String path = target.path();
    boolean writes = pattern.workload().writes;
    if (path == null || target.engine() == Engine.NVMED) {
      NvmeDevice device = devices.open(target.address(), writes);
      if (writes && device.isReadOnly()) {
        throw new IOException(
            "%s: %s is write protected: rw=%s"
                .formatted(job.name(), target.address(), pattern.workload()));
      }
      requireBlocks(job, device.blockBytes());
      requireQueues(job, device);
      return new Region(device, null, size(job, device.sizeBytes()));
    }
    if (writes || BlockFile.isShorter(Path.of(path), end)) {
      devices.claim(Path.of(path));
    }
    BlockFile file = BlockFile.open(Path.of(path), end, writes, target.direct());
    return new Region(null, file, size(job, file.sizeBytes()));
  }

  private static long size(Job job, long wholeBytes) throws IOException {
    Job.Pattern pattern = job.pattern();
    long offset = pattern.offset();
    long size = pattern.size() == 0 ? wholeBytes - offset : pattern.size();
    if (offset > wholeBytes - pattern.blocks().most()
        || size > wholeBytes - offset
        || size < pattern.blocks().most()) {
      throw new IOException(
          "%s: %s is too small: it has %d bytes; offset=%d, size=%d, bs=%d"
              .formatted(
                  job.name(),
                  job.target().address(),
                  wholeBytes,
                  offset,
                  pattern.size(),
                  pattern.blocks().most()));
    }
    return size;
  }

  private static void requireBlocks(Job job, int blockBytes) throws IOException {
    Job.Pattern pattern = job.pattern();
    for (int bytes : pattern.blocks().bytes()) {
      if (bytes % blockBytes != 0) {
        throw new IOException(
            "%s: %s has blocks of %d bytes: bs=%d is not a multiple"
                .formatted(job.name(), job.target().address(), blockBytes, bytes));
      }
    }
    if (pattern.offset() % blockBytes != 0) {
      throw new IOException(
          "%s: %s has blocks of %d bytes: offset=%d is not a multiple"
              .formatted(job.name(), job.target().address(), blockBytes, pattern.offset()));
    }
  }

  private static void requireQueues(Job job, NvmeDevice device) throws IOException {
    if (job.depth() > device.maxQueueDepth() || job.workers() > device.maxQueues()) {
      throw new IOException(
          "%s: %s has at most %d queues of %d commands: numjobs=%d, iodepth=%d"
              .formatted(
                  job.name(),
                  job.target().address(),
                  device.maxQueues(),
                  device.maxQueueDepth(),
                  job.workers(),
                  job.depth()));
    }
  }

  /** Opens the job's engine for a worker. */
  BlockIo io(Job job, int depth, BlockIo.Listener listener) throws IOException {
    int bytes = job.pattern().blocks().most();
    if (device != null) {
      return new NvmedIo(device, depth, bytes, listener);
    }
    if (file == null) {
      throw new IllegalStateException("neither device nor file");
    }
    return switch (job.target().engine()) {
      case NVMED -> throw new IllegalStateException("a device without a device");
      case FILECHANNEL -> new FileChannelIo(file, bytes, listener);
      case ASYNCFILECHANNEL -> new AsyncChannelIo(file, depth, bytes, listener);
      case MMAP -> new MappedIo(file, bytes, listener);
      case IOURING -> new UringIo(file, depth, bytes, listener);
    };
  }
}
