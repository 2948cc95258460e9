import Glibc
import Synchronization
import Tensors

/// Memory of intermediate tensors and of kernels at work: one stretch of addresses, from which each takes
/// the lowest free part that holds it and gives it back when it dies.
///
/// A run of a model asks for the same sizes in the same order again and again, so from the second run on
/// it touches no memory for the first time, which is what fresh memory costs most for.
final class BufferPool: Sendable {
  private struct State {
    var arena = Arena()
    var liveBytes = 0
    var peakBytes = 0
  }

  private let state = Mutex(State())

  /// Sizes are rounded up to this, so that parts begin at pages.
  private static let granule = 4096

  /// Smaller tensors are left to the allocator of the system.
  private static let smallest = 16384

  deinit { state.withLock { $0.arena.unmap() } }

  /// Bytes in use at the worst moment so far.
  var peakBytes: Int { state.withLock { $0.peakBytes } }

  /// Gives the memory that nobody uses back to the system.
  func release() { state.withLock { $0.arena.clean() } }

  /// Uninitialised memory of at least this size, which returns here when its last tensor goes.
  func storage(byteCount: Int) -> Storage {
    guard byteCount >= Self.smallest else { return Storage(byteCount: byteCount) }
    let size = (byteCount + Self.granule - 1) / Self.granule * Self.granule
    let place = state.withLock { state in
      state.liveBytes += size
      state.peakBytes = max(state.peakBytes, state.liveBytes)
      return Place(
        start: state.arena.take(size)
          ?? .allocate(byteCount: size, alignment: Storage.alignment))
    }
    return Storage(taking: place.start, byteCount: size) { [self] start, size in
      let place = Place(start: start)
      state.withLock { state in
        state.liveBytes -= size
        if !state.arena.giveBack(place.start, size) { place.start.deallocate() }
      }
    }
  }

  /// An address, which threads hand to each other with the memory behind it.
  private struct Place: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
  }
}

/// A stretch of addresses of which parts are taken and given back.
private struct Arena: @unchecked Sendable {
  private struct Part {
    var offset: Int
    var size: Int
  }

  private var base: UnsafeMutableRawPointer?
  private var size = 0
  private var isMapped = false
  /// What is free, by address; neighbours are joined.
  private var free: [Part] = []

  /// The lowest free part of this size; nil if there is none.
  mutating func take(_ wanted: Int) -> UnsafeMutableRawPointer? {
    if !isMapped { map() }
    guard let base, let index = free.firstIndex(where: { $0.size >= wanted }) else { return nil }
    let start = base + free[index].offset
    if free[index].size == wanted {
      free.remove(at: index)
    } else {
      free[index].offset += wanted
      free[index].size -= wanted
    }
    return start
  }

  /// Takes back a part; false if it was none of this stretch.
  mutating func giveBack(_ start: UnsafeMutableRawPointer, _ size: Int) -> Bool {
    guard let base, start >= base, start < base + self.size else { return false }
    var part = Part(offset: start - base, size: size)
    var index = free.firstIndex { $0.offset > part.offset } ?? free.count
    if index < free.count, part.offset + part.size == free[index].offset {
      part.size += free.remove(at: index).size
    }
    if index > 0, free[index - 1].offset + free[index - 1].size == part.offset {
      index -= 1
      part = Part(offset: free[index].offset, size: free[index].size + part.size)
      free.remove(at: index)
    }
    free.insert(part, at: index)
    return true
  }

  /// Lets the system take back the pages of free parts.
  func clean() {
    guard let base else { return }
    for part in free { madvise(base + part.offset, part.size, MADV_DONTNEED) }
  }

  mutating func unmap() {
    if let base { munmap(base, size) }
    self = Arena()
  }

  /// Reserves addresses, which cost nothing until they are written to: as many as there is memory, or a
  /// part of what the user allows.
  private mutating func map() {
    isMapped = true
    var wanted = Workspace.addressesToReserve
    while wanted >= 1 << 24 {
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
      if let start = mmap(nil, wanted, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED {
        (base, size) = (start, wanted)
        free = [Part(offset: 0, size: wanted)]
        return
      }
      // Where addresses count as memory, most of it is left to others.
      wanted /= 4
    }
  }
}
