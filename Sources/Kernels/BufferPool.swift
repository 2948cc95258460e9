import Synchronization
import Tensors

/// Memory of finished tensors, kept for the next ones.
///
/// A run of a model asks for the same sizes again and again; taking them from here avoids the page
/// faults of fresh memory.
final class BufferPool: Sendable {
  /// Memory that nobody uses.
  private struct Buffer: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
  }

  private struct State {
    var free: [Int: [Buffer]] = [:]
    var freeBytes = 0
    var liveBytes = 0
    var peakBytes = 0

    /// The smallest free buffer that holds `size` bytes without wasting half as many.
    mutating func recycled(_ size: Int) -> (buffer: Buffer, size: Int)? {
      guard let fitting = free.keys.filter({ size...(size + size / 2) ~= $0 }).min(),
        let buffer = free[fitting]?.popLast()
      else { return nil }
      if free[fitting]?.isEmpty ?? true { free[fitting] = nil }
      freeBytes -= fitting
      return (buffer, fitting)
    }

    /// A new buffer; the free ones go first if they hold more than was ever in use.
    mutating func fresh(_ size: Int) -> (buffer: Buffer, size: Int) {
      if freeBytes > peakBytes { trim() }
      return (Buffer(base: .allocate(byteCount: size, alignment: Storage.alignment)), size)
    }

    mutating func trim() {
      for buffers in free.values { for buffer in buffers { buffer.base.deallocate() } }
      free.removeAll()
      freeBytes = 0
    }
  }

  private let state = Mutex(State())

  /// Sizes are rounded up to this, so that nearly equal tensors share memory.
  private static let granule = 4096

  deinit { state.withLock { $0.trim() } }

  /// Bytes in use at the worst moment so far.
  var peakBytes: Int { state.withLock { $0.peakBytes } }

  /// Gives the memory that nobody uses back to the system.
  func release() { state.withLock { $0.trim() } }

  /// Uninitialised memory of at least this size, which returns here when its last tensor goes.
  func storage(byteCount: Int) -> Storage {
    let wanted = (max(byteCount, 1) + Self.granule - 1) / Self.granule * Self.granule
    let (buffer, size) = state.withLock { state in
      let (buffer, size) = state.recycled(wanted) ?? state.fresh(wanted)
      state.liveBytes += size
      state.peakBytes = max(state.peakBytes, state.liveBytes)
      return (buffer, size)
    }
    return Storage(taking: buffer.base, byteCount: size) { [self] base, size in
      let buffer = Buffer(base: base)
      state.withLock { state in
        state.liveBytes -= size
        state.freeBytes += size
        state.free[size, default: []].append(buffer)
      }
    }
  }
}
