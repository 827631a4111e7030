package io.nvmedirect.vmtest.guest;

import static org.assertj.core.api.Assertions.assertThat;

import io.nvmedirect.NvmeDevice;
import io.nvmedirect.NvmeHandle;
import io.nvmedirect.NvmeQueue;
import io.nvmedirect.memory.DmaBuffer;
import io.nvmedirect.vmtest.GuestDevice;
import io.nvmedirect.vmtest.PciDriver;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Somebody else reads what we wrote: a device goes from our driver to the kernel's and back, and the
 * data is the same on both sides.
 */
@Timeout(300)
final class HandOverGuestTest {

  private static final GuestDevice DEVICE = GuestDevice.SHARED_A;
  private static final int CHUNK_BYTES = 1 << 20;

  @AfterEach
  void giveBack() throws IOException {
    PciDriver.bind(DEVICE, DEVICE.driver());
  }

  @Test
  void whatWeWrite_theKernelReads() throws Exception {
    PciDriver.bind(DEVICE, GuestDevice.Driver.VFIO);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    Random random = new Random(1);
    try (NvmeDevice device = NvmeDevice.open(DEVICE.address());
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(CHUNK_BYTES)) {
      byte[] bytes = new byte[CHUNK_BYTES];
      for (long at = 0; at < device.sizeBytes(); at += CHUNK_BYTES) {
        random.nextBytes(bytes);
        digest.update(bytes);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, buffer.segment(), 0, CHUNK_BYTES);
        handle.write(buffer.segment(), at);
      }
      handle.flush();
    }
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    String expected = HexFormat.of().formatHex(digest.digest());
    assertThat(Commands.run("sha256sum", PciDriver.disk(DEVICE, 1).toString()))
        .startsWith(expected);
  }

  @Test
  void whatTheKernelWrites_weRead() throws Exception {
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    MessageDigest written = MessageDigest.getInstance("SHA-256");
    Random random = new Random(2);
    long size;
    try (FileChannel disk = FileChannel.open(PciDriver.disk(DEVICE, 1), StandardOpenOption.WRITE)) {
      byte[] bytes = new byte[CHUNK_BYTES];
      size = DEVICE.namespaces().getFirst().sizeBytes();
      for (long at = 0; at < size; at += CHUNK_BYTES) {
        random.nextBytes(bytes);
        written.update(bytes);
        ByteBuffer chunk = ByteBuffer.wrap(bytes);
        while (chunk.hasRemaining()) {
          disk.write(chunk, at + chunk.position());
        }
      }
      disk.force(true);
    }
    PciDriver.bind(DEVICE, GuestDevice.Driver.VFIO);
    MessageDigest read = MessageDigest.getInstance("SHA-256");
    try (NvmeDevice device = NvmeDevice.open(DEVICE.address());
        NvmeQueue queue = device.createQueue();
        NvmeHandle handle = queue.createHandle();
        DmaBuffer buffer = device.allocate(CHUNK_BYTES)) {
      assertThat(device.sizeBytes()).isEqualTo(size);
      for (long at = 0; at < size; at += CHUNK_BYTES) {
        handle.read(buffer.segment(), at);
        read.update(buffer.segment().asByteBuffer());
      }
    }
    assertThat(read.digest()).isEqualTo(written.digest());
  }

  /** An image made by mkfs.ext4 goes through our direct path and is mounted by the guest's kernel. */
  @Test
  void ext4Image_isMountedByTheKernel(@TempDir Path directory) throws Exception {
    Path files = directory.resolve("files");
    Files.createDirectories(files.resolve("a/b"));
    byte[] content = new byte[3_000_001];
    new Random(3).nextBytes(content);
    Files.write(files.resolve("a/b/large"), content);
    Files.writeString(files.resolve("small"), "small\n");
    Path image = directory.resolve("image");
    try (FileChannel made =
        FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      made.write(ByteBuffer.wrap(new byte[1]), DEVICE.namespaces().getFirst().sizeBytes() - 1);
    }
    Commands.run("mkfs.ext4", "-q", "-d", files.toString(), image.toString());

    PciDriver.bind(DEVICE, GuestDevice.Driver.VFIO);
    try (NvmeDevice device = NvmeDevice.open(DEVICE.address());
        OutputStream out = new DeviceStream(device);
        InputStream in = Files.newInputStream(image)) {
      in.transferTo(out);
    }
    PciDriver.bind(DEVICE, GuestDevice.Driver.NVME);
    String disk = PciDriver.disk(DEVICE, 1).toString();
    Commands.run("e2fsck", "-f", "-n", disk);
    Path place = Files.createDirectory(directory.resolve("mounted"));
    Commands.run("mount", "-t", "ext4", disk, place.toString());
    try {
      assertThat(place.resolve("a/b/large")).hasBinaryContent(content);
      assertThat(place.resolve("small")).hasContent("small\n");
      Files.writeString(place.resolve("by-the-kernel"), "here");
    } finally {
      Commands.run("umount", place.toString());
    }
    Commands.run("e2fsck", "-f", "-n", disk);
  }

  /** Writes a device from its beginning, in chunks from memory on the heap. */
  private static final class DeviceStream extends OutputStream {

    private final NvmeQueue queue;
    private final NvmeHandle handle;
    private long position;

    DeviceStream(NvmeDevice device) throws IOException {
      queue = device.createQueue();
      handle = queue.createHandle();
    }

    @Override
    public void write(int b) throws IOException {
      throw new IOException("one byte is no block");
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      handle.write(MemorySegment.ofArray(bytes).asSlice(offset, length), position);
      position += length;
    }

    @Override
    public void close() throws IOException {
      handle.flush();
      handle.close();
      queue.close();
    }
  }
}
