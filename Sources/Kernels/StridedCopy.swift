package import Tensors

/// A copy of a box of elements between two places in memory, each with strides of its own.
///
/// Transposing, slicing, concatenating, padding, stretching and tiling are all such copies. Strides
/// count elements; a source stride of 0 repeats, a negative one runs backward.
struct StridedCopy {
  /// One loop: its trip count and the elements that source and target move by.
  private struct Loop {
    var extent: Int
    var source: Int
    var target: Int
  }

  /// The loops, outermost first, without trips of one and with neighbours merged where both sides
  /// allow it.
  private let loops: [Loop]
  private let isEmpty: Bool

  /// Elements copied at once by one thread without looking at the outer loops.
  private static let chunk = 1 << 15
  /// The side of the squares in which a transposition walks, so that both sides stay in the cache.
  private static let tile = 32

  init(_ extents: [Int], sourceStrides: [Int], targetStrides: [Int]) {
    var loops: [Loop] = []
    for axis in extents.indices where extents[axis] != 1 {
      let inner = Loop(
        extent: extents[axis], source: sourceStrides[axis], target: targetStrides[axis])
      if let outer = loops.last, outer.source == inner.source * inner.extent,
        outer.target == inner.target * inner.extent
      {
        loops[loops.count - 1] = Loop(
          extent: outer.extent * inner.extent, source: inner.source, target: inner.target)
      } else {
        loops.append(inner)
      }
    }
    self.loops = loops
    self.isEmpty = extents.contains(0)
  }

  /// Copies elements of `elementSize` bytes, 1, 2, 4 or 8. The source need not be aligned.
  func run(
    from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, elementSize: Int
  ) {
    if isEmpty { return }
    switch elementSize {
    case 1: run(from: source, to: target, as: UInt8.self)
    case 2: run(from: source, to: target, as: UInt16.self)
    case 4: run(from: source, to: target, as: UInt32.self)
    default: run(from: source, to: target, as: UInt64.self)
    }
  }

  private func run<Bits: BitwiseCopyable>(
    from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, as bits: Bits.Type
  ) {
    guard let last = loops.last else {
      target.storeBytes(of: source.loadUnaligned(as: Bits.self), as: Bits.self)
      return
    }
    if last.source != 1, let other = loops.dropLast().lastIndex(where: { abs($0.source) == 1 }) {
      transpose(across: other, from: source, to: target, as: bits)
    } else {
      copyRuns(of: last, from: source, to: target, as: bits)
    }
  }

  /// Copies along the innermost loop, in chunks that are shared among the threads.
  private func copyRuns<Bits: BitwiseCopyable>(
    of run: Loop, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer,
    as bits: Bits.Type
  ) {
    let pieces = (run.extent + Self.chunk - 1) / Self.chunk
    let piece = Loop(
      extent: pieces, source: run.source * Self.chunk, target: run.target * Self.chunk)
    let outer = Odometer(loops.dropLast() + [piece])
    parallel(outer.count, grain: max(1, Self.chunk / run.extent)) { range in
      outer.walk(range) { position, from, to in
        let done = pieces == 1 ? 0 : position % pieces * Self.chunk
        let count = min(Self.chunk, run.extent - done)
        let source = source + from * MemoryLayout<Bits>.size
        let target = target + to * MemoryLayout<Bits>.size
        if run.source == 1, run.target == 1 {
          target.copyMemory(from: source, byteCount: count * MemoryLayout<Bits>.size)
        } else {
          Self.copy(
            count, from: source, step: run.source, to: target, step: run.target, as: bits)
        }
      }
    }
  }

  /// Copies squares that span the innermost loop and the one along which the source is contiguous.
  private func transpose<Bits: BitwiseCopyable>(
    across other: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer,
    as bits: Bits.Type
  ) {
    let (column, row) = (loops[other], loops[loops.count - 1])
    let strips = (column.extent + Self.tile - 1) / Self.tile
    let strip = Loop(
      extent: strips, source: column.source * Self.tile, target: column.target * Self.tile)
    var rest = Array(loops.dropLast())
    rest.remove(at: other)
    let outer = Odometer(rest + [strip])
    parallel(outer.count, grain: max(1, Self.chunk / (row.extent * Self.tile))) { range in
      outer.walk(range) { position, from, to in
        let columns = min(Self.tile, column.extent - position % strips * Self.tile)
        for first in stride(from: 0, to: row.extent, by: Self.tile) {
          let rows = min(Self.tile, row.extent - first)
          for index in 0..<columns {
            let from = from + index * column.source + first * row.source
            let to = to + index * column.target + first * row.target
            Self.copy(
              rows, from: source + from * MemoryLayout<Bits>.size, step: row.source,
              to: target + to * MemoryLayout<Bits>.size, step: row.target, as: bits)
          }
        }
      }
    }
  }

  @inline(__always)
  private static func copy<Bits: BitwiseCopyable>(
    _ count: Int, from source: UnsafeRawPointer, step: Int, to target: UnsafeMutableRawPointer,
    step targetStep: Int, as bits: Bits.Type
  ) {
    let size = MemoryLayout<Bits>.size
    for index in 0..<count {
      target.storeBytes(
        of: source.loadUnaligned(fromByteOffset: index &* step &* size, as: Bits.self),
        toByteOffset: index &* targetStep &* size, as: Bits.self)
    }
  }

  /// The outer loops, walked from any position on.
  private struct Odometer {
    private let loops: [Loop]
    let count: Int

    init(_ loops: [Loop]) {
      self.loops = loops
      self.count = loops.reduce(1) { $0 * $1.extent }
    }

    /// Calls `body` with each position in `range` and the offsets of source and target there.
    func walk(_ range: Range<Int>, _ body: (Int, Int, Int) -> Void) {
      var index = [Int](repeating: 0, count: loops.count)
      var (source, target) = (0, 0)
      var remainder = range.lowerBound
      for axis in loops.indices.reversed() {
        index[axis] = remainder % loops[axis].extent
        remainder /= loops[axis].extent
        source += index[axis] * loops[axis].source
        target += index[axis] * loops[axis].target
      }
      for position in range {
        body(position, source, target)
        for axis in loops.indices.reversed() {
          index[axis] += 1
          source += loops[axis].source
          target += loops[axis].target
          if index[axis] < loops[axis].extent { break }
          source -= loops[axis].source * index[axis]
          target -= loops[axis].target * index[axis]
          index[axis] = 0
        }
      }
    }
  }
}

extension Workspace {
  /// The elements of `x` that start at element `offset` and lie `strides` apart, as a row-major
  /// tensor of `shape`.
  ///
  /// - Precondition: `x` is row-major and has all of them.
  func gathered(_ x: Tensor, offset: Int = 0, strides: [Int], shape: Shape) -> Tensor {
    let result = tensor(x.elementType, shape)
    let size = x.elementType.size
    StridedCopy(shape.dimensions, sourceStrides: strides, targetStrides: shape.strides)
      .run(from: x.address + offset * size, to: result.address, elementSize: size)
    withExtendedLifetime(x) {}
    return result
  }

  /// A tensor of zeros.
  package func zeros(_ elementType: ElementType, _ shape: Shape) -> Tensor {
    let result = tensor(elementType, shape)
    result.address.initializeMemory(as: UInt8.self, repeating: 0, count: result.byteCount)
    return result
  }
}
