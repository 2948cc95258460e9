import Glibc
package import Tensors

/// What one thread needs to run kernels: recycled memory and the caches of compiled primitives.
///
/// A workspace belongs to the thread that made it; models and graphs are shared between threads,
/// workspaces are not.
package final class Workspace {
  private let pool: BufferPool
  private var reusable: Set<ObjectIdentifier> = []
  let primitives: PrimitiveCache

  /// Seconds spent so far in runs of graphs, from their inputs to their outputs.
  package var runSeconds = 0.0

  /// Seconds spent so far on changes of layout.
  package internal(set) var reorderSeconds = 0.0

  /// A workspace with empty caches.
  package init() {
    pool = BufferPool()
    primitives = PrimitiveCache(pool)
  }

  /// Bytes that this process may use: the machine's memory, or less where the user limits it.
  package static let memoryLimit = min(addressLimit ?? .max, physicalMemory)

  /// Addresses to set apart for intermediate tensors; where the user limits them, others need some.
  static let addressesToReserve = addressLimit.map { min($0 / 2, physicalMemory) } ?? physicalMemory

  private static let physicalMemory =
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))

  /// Bytes of addresses that the user allows this process; nil where there is no limit.
  private static let addressLimit: Int? = {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur != rlim_t.max
    else { return nil }
    return Int(clamping: limit.rlim_cur)
  }()

  /// Bytes of intermediate tensors and of kernels at work at the worst moment so far.
  package var peakBytes: Int { pool.peakBytes }

  /// Frees what is kept to be quick next time: idle memory and rearranged weights. For the moment
  /// between two graphs of one model, whose weights would lie in memory twice.
  package func release() {
    primitives.release()
    pool.release()
  }

  /// Lets the next kernel write its result over this operand, which nobody reads after it.
  package func markReusable(_ operand: Tensor) {
    reusable.insert(ObjectIdentifier(operand.storage))
  }

  /// Lets no operand be overwritten any more.
  package func forgetReusable() { reusable.removeAll() }

  /// An uninitialised tensor of the type and layout of an operand, in the operand's own memory where
  /// that may be overwritten: for a kernel that reads an element before it writes that one.
  func tensor(over operand: Tensor) -> Tensor {
    reusable.contains(ObjectIdentifier(operand.storage))
      ? operand : tensor(operand.elementType, operand.shape, layout: operand.layout)
  }

  /// An uninitialised tensor in recycled memory, for a kernel to fill.
  package func tensor(
    _ elementType: ElementType, _ shape: Shape, layout: Layout = .rowMajor
  ) -> Tensor {
    let bytes = layout.paddedCount(of: shape) * elementType.size
    return Tensor(elementType, shape, layout: layout, storage: pool.storage(byteCount: bytes))
  }

  /// A tensor in recycled memory whose elements `body` writes, all of them, in row-major order.
  package func tensor<E: Element, Failure: Error>(
    _ type: E.Type, _ shape: Shape,
    initializing body: (UnsafeMutableBufferPointer<E>) throws(Failure) -> Void
  ) throws(Failure) -> Tensor {
    let tensor = tensor(E.elementType, shape)
    let base = tensor.address.bindMemory(to: E.self, capacity: shape.elementCount)
    try body(UnsafeMutableBufferPointer(start: base, count: shape.elementCount))
    return tensor
  }
}

/// Why a kernel refused its operands. It knows no graph; the interpreter adds the node.
package struct KernelError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
