import CDNNL
package import Tensors

/// What a value on a path is at the next point: `x` holds the points, equal parts behind each other along
/// the first dimension, and the last one counts as its own successor.
extension Workspace {
  /// Each of `parts` parts of `x` replaced by the next one.
  package func nextParts(of x: Tensor, parts: Int) -> Tensor {
    let result = tensor(x.elementType, x.shape, layout: x.layout)
    let size = x.byteCount / max(parts, 1)
    let kept = x.byteCount - size
    result.address.copyMemory(from: x.address + size, byteCount: kept)
    (result.address + kept).copyMemory(from: x.address + kept, byteCount: size)
    return result
  }

  /// The sum of the terms times the mean slope of max(x, 0) while each of `parts` parts of `x` moves on a
  /// straight line to the next one.
  ///
  /// That is 0 or 1 where the signs of both ends agree, otherwise the share of the way on the positive
  /// side; at the last part the slope there.
  package func meanRectifiedSum(
    of terms: [Tensor], _ x: Tensor, parts: Int
  ) throws(KernelError) -> Tensor {
    var operands: [Tensor] = []
    for term in terms {
      operands.append(term.layout == x.layout ? term : try reordered(term, to: x.layout))
    }
    guard let first = operands.first else { throw KernelError("there is nothing to add") }
    let result = tensor(over: first)
    let count = x.layout.paddedCount(of: x.shape)
    let size = count / max(parts, 1)
    switch x.elementType {
    case .float32:
      let target = result.address.assumingMemoryBound(to: Float.self)
      let source = UnsafePointer(x.address.assumingMemoryBound(to: Float.self))
      let addends = operands.map { $0.address.assumingMemoryBound(to: Float.self) }
      for part in 0..<parts {
        let start = part * size
        let next = min(part + 1, parts - 1) * size
        parallel(size) { range in
          withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: addends.count) {
            for (index, addend) in addends.enumerated() {
              $0.initializeElement(
                at: index, to: UnsafePointer(addend + start + range.lowerBound))
            }
            cdnnl_mean_rectified_sum(
              $0.baseAddress, Int32(addends.count), source + start + range.lowerBound,
              source + next + range.lowerBound, range.count, target + start + range.lowerBound)
          }
        }
      }
    case .float64:
      let target = result.address.assumingMemoryBound(to: Double.self)
      let source = x.address.assumingMemoryBound(to: Double.self)
      let addends = operands.map { $0.address.assumingMemoryBound(to: Double.self) }
      for place in 0..<count {
        let (a, b) = (source[place], source[place + size < count ? place + size : place])
        let (high, low) = (max(a, b), min(a, b))
        let slope = high > 0 ? (low < 0 ? high / (high - low) : 1) : 0
        target[place] = addends.reduce(0) { $0 + $1[place] } * slope
      }
    default: throw Self.undefined(x.elementType)
    }
    withExtendedLifetime((operands, x)) {}
    return result
  }
}
