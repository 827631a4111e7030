package io.nvmedirect.queue;

import io.nvmedirect.memory.DmaMapper;
import io.nvmedirect.spec.NvmeException;
import io.nvmedirect.spec.Register;
import io.nvmedirect.transport.AdminCommands;
import io.nvmedirect.transport.QueuePair;
import io.nvmedirect.transport.Transport;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A controller behind a PCI function: registers in BAR0 and queues in memory. */
public final class RingTransport implements Transport {

  private final PciFunction function;

  /** Null until the controller has offered them. */
  private @Nullable ShadowDoorbells shadow;

  public RingTransport(PciFunction function) {
    this.function = function;
  }

  @Override
  public int read32(int register) throws IOException {
    return function.read32(register);
  }

  @Override
  public long read64(int register) throws IOException {
    return function.read64(register);
  }

  @Override
  public void write32(int register, int value) throws IOException {
    function.write32(register, value);
  }

  @Override
  public QueuePair openAdminQueue(int entries) throws IOException {
    return open(0, entries, -1, 0);
  }

  @Override
  public void attachAdminQueue(QueuePair admin) throws IOException {
    RingQueuePair pair = (RingQueuePair) admin;
    pair.clear();
    if (shadow != null) {
      shadow.forget();
    }
    function.write32(Register.AQA, Register.adminQueueAttributes(pair.capacity() + 1));
    function.write64(Register.ASQ, pair.sqBuffer().iova(0));
    function.write64(Register.ACQ, pair.cqBuffer().iova(0));
  }

  @Override
  public void useShadowDoorbells(AdminCommands admin) throws IOException {
    if (shadow == null) {
      shadow = new ShadowDoorbells(function.dma());
    }
    shadow.configure(admin);
  }

  @Override
  public QueuePair openQueue(int qid, int entries, int vector, int priority) throws IOException {
    return open(qid, entries, vector, priority);
  }

  private RingQueuePair open(int qid, int entries, int vector, int priority) throws IOException {
    long capabilities = function.read64(Register.CAP);
    if (capabilities == Register.ALL_ONES) {
      throw new NvmeException(
          "queue %d cannot be made: the controller is gone, its registers read as all ones"
              .formatted(qid));
    }
    int stride = Register.doorbellStrideBytes(capabilities);
    return RingQueuePair.allocate(
        qid,
        entries,
        vector,
        priority,
        function,
        doorbell(qid, Register.sqTailDoorbell(qid, stride)),
        doorbell(qid, Register.cqHeadDoorbell(qid, stride)));
  }

  private Doorbell doorbell(int qid, int offset) throws IOException {
    // A controller that reads shadow doorbells may sleep. It is woken by those of the admin queue,
    // which have no shadow, and by an I/O queue's register, which is written when it asks for that.
    if (qid == 0) {
      return function.announcedDoorbell(offset);
    }
    return shadow == null || !shadow.inUse()
        ? function.doorbell(offset)
        : shadow.doorbell(offset, function.announcedDoorbell(offset));
  }

  @Override
  public int interruptVectors() throws IOException {
    return function.vectors();
  }

  @Override
  public DmaMapper dma() {
    return function.dma();
  }

  @Override
  public long maxTransferBytes() {
    return PrpLists.MAX_TRANSFER_BYTES;
  }

  @Override
  public boolean reset() throws IOException {
    return function.reset();
  }

  @Override
  public boolean isLost() {
    return function.isLost();
  }

  @Override
  public void close() {
    function.close();
    if (shadow != null) {
      shadow.close();
    }
  }
}
