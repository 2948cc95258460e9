import Tensors

/// The order in which the operands of a broadcast are read while the result is written.
///
/// All are row-major. Neighbouring dimensions along which every operand goes on alike are merged;
/// the innermost one that is left is a run, along which an operand steps by one or stands still.
struct BroadcastRuns {
  /// Extents of the merged dimensions, innermost first.
  private var extents: [Int] = []
  /// Per merged dimension, the elements that each operand moves for a step along it.
  private var steps: [SIMD4<Int>] = []

  /// Elements of the result.
  let count: Int

  /// The order for up to four operands that stretch to `shape`.
  init(_ shape: Shape, _ operands: [Shape]) {
    self.count = shape.elementCount
    let strides = operands.map { $0.stretchedStrides(to: shape) }
    for axis in shape.indices.reversed() where shape[axis] != 1 {
      var step = SIMD4<Int>.zero
      for operand in operands.indices { step[operand] = strides[operand][axis] }
      if let extent = extents.last, let inner = steps.last, step == inner &* extent {
        extents[extents.count - 1] = extent * shape[axis]
      } else {
        extents.append(shape[axis])
        steps.append(step)
      }
    }
    if extents.isEmpty {
      extents = [1]
      steps = [.zero]
    }
  }

  /// How far each operand moves for one element of a run: 1 or 0.
  var innerStep: SIMD4<Int> { steps[0] }

  /// Calls `body` for each run that covers `range` of the result: its first position, its length,
  /// and the place in each operand where it starts.
  @inline(__always)
  func forEachRun(in range: Range<Int>, _ body: (Int, Int, SIMD4<Int>) -> Void) {
    var index = [Int](repeating: 0, count: extents.count)
    var place = SIMD4<Int>.zero
    var rest = range.lowerBound
    for axis in extents.indices {
      index[axis] = rest % extents[axis]
      rest /= extents[axis]
      place &+= steps[axis] &* index[axis]
    }
    var position = range.lowerBound
    while position < range.upperBound {
      let length = min(extents[0] - index[0], range.upperBound - position)
      body(position, length, place)
      position += length
      index[0] += length
      place &+= steps[0] &* length
      var axis = 0
      while index[axis] == extents[axis], axis + 1 < extents.count {
        place &-= steps[axis] &* extents[axis]
        index[axis] = 0
        axis += 1
        index[axis] += 1
        place &+= steps[axis]
      }
    }
  }
}
