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

  /// Uninitialised memory of at least this size, which returns here when its last tensor goes.
  func storage(byteCount: Int) -> Storage {
    let size = (max(byteCount, 1) + Self.granule - 1) / Self.granule * Self.granule
    let buffer = state.withLock { state in
      state.liveBytes += size
      state.peakBytes = max(state.peakBytes, state.liveBytes)
      if let recycled = state.free[size]?.popLast() {
        state.freeBytes -= size
        return recycled
      }
      if state.freeBytes > state.liveBytes { state.trim() }
      return Buffer(base: .allocate(byteCount: size, alignment: Storage.alignment))
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
