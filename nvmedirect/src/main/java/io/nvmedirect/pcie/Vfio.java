package io.nvmedirect.pcie;

/**
 * Requests, flags and structure sizes of linux/vfio.h, with the type 1 version 2 IOMMU. A request is
 * {@code _IO(';', 100 + n)}. Every structure begins with {@code argsz}, its size in bytes, and {@code
 * flags}, both of 32 bits.
 */
final class Vfio {

  static final int API_VERSION = 0;

  // Container.
  static final long GET_API_VERSION = request(0);
  static final long CHECK_EXTENSION = request(1);
  static final long SET_IOMMU = request(2);
  static final long IOMMU_GET_INFO = request(12);
  static final long IOMMU_MAP_DMA = request(13);
  static final long IOMMU_UNMAP_DMA = request(14);

  static final int TYPE1V2_IOMMU = 3;
  static final int NOIOMMU_IOMMU = 8;

  // Group.
  static final long GROUP_GET_STATUS = request(3);
  static final long GROUP_SET_CONTAINER = request(4);
  static final long GROUP_GET_DEVICE_FD = request(6);

  /** struct vfio_group_status. */
  static final int GROUP_STATUS_BYTES = 8;

  static final int GROUP_VIABLE = 1;

  // Device.
  static final long DEVICE_GET_INFO = request(7);
  static final long DEVICE_GET_REGION_INFO = request(8);
  static final long DEVICE_GET_IRQ_INFO = request(9);
  static final long DEVICE_SET_IRQS = request(10);
  static final long DEVICE_RESET = request(11);

  /** struct vfio_device_info: num_regions at 8, num_irqs at 12, cap_offset at 16. */
  static final int DEVICE_INFO_BYTES = 20;

  static final int DEVICE_CAN_RESET = 1;
  static final int DEVICE_IS_PCI = 2;

  /** struct vfio_region_info: index at 8, cap_offset at 12, size at 16, offset at 24. */
  static final int REGION_INFO_BYTES = 32;

  static final int REGION_CAN_MMAP = 4;
  static final int REGION_HAS_CAPS = 8;
  static final int REGION_BAR0 = 0;
  static final int REGION_CONFIG = 7;

  /** struct vfio_region_info_cap_sparse_mmap: nr_areas at 8, areas of offset and size from 16 on. */
  static final int CAP_SPARSE_MMAP = 1;

  /** struct vfio_irq_info: index at 8, count at 12. */
  static final int IRQ_INFO_BYTES = 16;

  /** struct vfio_irq_set: index at 8, start at 12, count at 16, data from 20 on. */
  static final int IRQ_SET_BYTES = 20;

  static final int IRQ_INDEX_MSIX = 2;
  static final int IRQ_DATA_NONE = 1;
  static final int IRQ_DATA_EVENTFD = 4;
  static final int IRQ_ACTION_TRIGGER = 32;

  // IOMMU.

  /** struct vfio_iommu_type1_info: iova_pgsizes at 8, cap_offset at 16. */
  static final int IOMMU_INFO_BYTES = 24;

  static final int IOMMU_INFO_HAS_CAPS = 2;

  /** struct vfio_iommu_type1_info_cap_iova_range: nr_iovas at 8, pairs of first and last from 16 on. */
  static final int CAP_IOVA_RANGE = 1;

  /** struct vfio_iommu_type1_dma_map: vaddr at 8, iova at 16, size at 24. */
  static final int DMA_MAP_BYTES = 32;

  static final int DMA_READ_WRITE = 3;

  /** struct vfio_iommu_type1_dma_unmap: iova at 8, size at 16. */
  static final int DMA_UNMAP_BYTES = 24;

  private Vfio() {}

  private static long request(int number) {
    return 0x3b00L + 100 + number; // ';' in the second byte
  }
}
