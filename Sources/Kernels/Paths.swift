package import Tensors

extension Workspace {
  /// start + position * difference for each of `positions`, behind each other along the first
  /// dimension, in the layout of `start`; negative numbers replaced by 0 if `rectified`.
  ///
  /// - Parameter shape: that of the result.
  package func pathPoints(
    from start: Tensor, difference: Tensor, at positions: Tensor, rectified: Bool, shape: Shape
  ) throws(KernelError) -> Tensor {
    var (start, difference) = (start, difference)
    if start.layout != difference.layout {
      (start, difference) = (rowMajor(start), rowMajor(difference))
    }
    return switch start.elementType {
    case .float32: points(start, difference, positions, rectified, shape, Float.self)
    case .float64: points(start, difference, positions, rectified, shape, Double.self)
    default: throw Self.undefined(start.elementType)
    }
  }

  /// The sum of the parts of `values`, which lie behind each other along the first dimension, each
  /// times its weight; summed in double precision, in the layout of `values`.
  ///
  /// - Parameter shape: that of each part.
  package func weightedSum(
    of values: Tensor, _ weights: Tensor, shape: Shape
  ) throws(KernelError) -> Tensor {
    switch values.elementType {
    case .float32: weightedSum(values, weights, shape, Float.self)
    case .float64: weightedSum(values, weights, shape, Double.self)
    default: throw Self.undefined(values.elementType)
    }
  }

  private func points<E: RealElement>(
    _ start: Tensor, _ difference: Tensor, _ positions: Tensor, _ rectified: Bool, _ shape: Shape,
    _ type: E.Type
  ) -> Tensor {
    let result = tensor(E.elementType, shape, layout: start.layout)
    let least: E = rectified ? 0 : -.infinity
    let positions = positions.elements(as: E.self)
    start.withElements(as: E.self) { start in
      difference.withElements(as: E.self) { difference in
        let count = start.count
        let target = result.address.bindMemory(to: E.self, capacity: count * positions.count)
        // A stretch of every point at a time, so that start and difference are read from memory once.
        parallel(count) { range in
          for first in stride(from: range.lowerBound, to: range.upperBound, by: stretchLength) {
            let places = first..<min(first + stretchLength, range.upperBound)
            for (row, position) in positions.enumerated() {
              let point = target + row * count
              for place in places {
                let value = start[place] + position * difference[place]
                point[place] = value < least ? least : value
              }
            }
          }
        }
      }
    }
    return result
  }

  private func weightedSum<E: RealElement>(
    _ values: Tensor, _ weights: Tensor, _ shape: Shape, _ type: E.Type
  ) -> Tensor {
    let result = tensor(E.elementType, shape, layout: values.layout)
    let weights = weights.elements(as: E.self).map { Double($0) }
    values.withElements(as: E.self) { values in
      let count = values.count / max(weights.count, 1)
      let target = result.address.bindMemory(to: E.self, capacity: count)
      parallel(count) { range in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: stretchLength) { sums in
          for first in stride(from: range.lowerBound, to: range.upperBound, by: stretchLength) {
            let length = min(stretchLength, range.upperBound - first)
            for place in 0..<length { sums[place] = 0 }
            // What has no weight may be infinite.
            for (row, weight) in weights.enumerated() where weight != 0 {
              let part = row * count + first
              for place in 0..<length { sums[place] += weight * Double(values[part + place]) }
            }
            for place in 0..<length { target[first + place] = E(sums[place]) }
          }
        }
      }
    }
    return result
  }
}

/// Elements of each point that are worked on before the next stretch: they stay in the first cache.
private let stretchLength = 1024
