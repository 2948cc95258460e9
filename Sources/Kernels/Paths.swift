package import Tensors

extension Workspace {
  /// start + position * difference for each of `positions`, behind each other along the first
  /// dimension, in the layout of `start`; negative numbers replaced by 0 if `rectified`.
  ///
  /// - Parameters:
  ///   - lines: equal parts of start and difference, each with as many of the positions.
  ///   - shape: that of the result.
  package func pathPoints(
    from start: Tensor, difference: Tensor, at positions: Tensor, lines: Int, rectified: Bool,
    shape: Shape
  ) throws(KernelError) -> Tensor {
    var (start, difference) = (start, difference)
    if start.layout != difference.layout {
      (start, difference) = (rowMajor(start), rowMajor(difference))
    }
    return switch start.elementType {
    case .float32: points(start, difference, positions, lines, rectified, shape, Float.self)
    case .float64: points(start, difference, positions, lines, rectified, shape, Double.self)
    default: throw Self.undefined(start.elementType)
    }
  }

  /// The sum of the parts of `values`, which lie behind each other along the first dimension, each
  /// times its weight; summed in double precision, in the layout of `values`.
  ///
  /// - Parameters:
  ///   - lines: sums that there are, each of as many consecutive parts.
  ///   - shape: that of the sums.
  package func weightedSum(
    of values: Tensor, _ weights: Tensor, lines: Int, shape: Shape
  ) throws(KernelError) -> Tensor {
    switch values.elementType {
    case .float32: weightedSum(values, weights, lines, shape, Float.self)
    case .float64: weightedSum(values, weights, lines, shape, Double.self)
    default: throw Self.undefined(values.elementType)
    }
  }

  private func points<E: RealElement>(
    _ start: Tensor, _ difference: Tensor, _ positions: Tensor, _ lines: Int, _ rectified: Bool,
    _ shape: Shape, _ type: E.Type
  ) -> Tensor {
    let result = tensor(E.elementType, shape, layout: start.layout)
    let least: E = rectified ? 0 : -.infinity
    let positions = positions.elements(as: E.self)
    start.withElements(as: E.self) { start in
      difference.withElements(as: E.self) { difference in
        let count = start.count / lines
        let perLine = positions.count / lines
        let target = result.address.bindMemory(to: E.self, capacity: count * positions.count)
        // A stretch of every point at a time, so that start and difference are read from memory once.
        parallel(count) { range in
          for (line, first) in stretches(of: range, lines) {
            let places = first..<min(first + stretchLength, range.upperBound)
            let part = line * count
            for row in (line * perLine)..<((line + 1) * perLine) {
              let (point, position) = (target + row * count, positions[row])
              for place in places {
                let value = start[part + place] + position * difference[part + place]
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
    _ values: Tensor, _ weights: Tensor, _ lines: Int, _ shape: Shape, _ type: E.Type
  ) -> Tensor {
    let result = tensor(E.elementType, shape, layout: values.layout)
    let weights = weights.elements(as: E.self).map { Double($0) }
    values.withElements(as: E.self) { values in
      let count = values.count / max(weights.count, 1)
      let perLine = weights.count / lines
      let target = result.address.bindMemory(to: E.self, capacity: count * lines)
      parallel(count) { range in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: stretchLength) { sums in
          for (line, first) in stretches(of: range, lines) {
            let length = min(stretchLength, range.upperBound - first)
            for place in 0..<length { sums[place] = 0 }
            // What has no weight may be infinite.
            for row in (line * perLine)..<((line + 1) * perLine) where weights[row] != 0 {
              let (part, weight) = (row * count + first, weights[row])
              for place in 0..<length { sums[place] += weight * Double(values[part + place]) }
            }
            let sum = target + line * count + first
            for place in 0..<length { sum[place] = E(sums[place]) }
          }
        }
      }
    }
    return result
  }
}

/// Where in a range of the elements of a point each stretch begins, for each line.
private func stretches(of range: Range<Int>, _ lines: Int) -> [(line: Int, first: Int)] {
  (0..<lines).flatMap { line in
    stride(from: range.lowerBound, to: range.upperBound, by: stretchLength).map { (line, $0) }
  }
}

/// Elements of each point that are worked on before the next stretch: they stay in the first cache.
private let stretchLength = 1024
