package import Tensors

/// Lines of numbers brought to a common scale, and how.
package struct Standardized {
  /// The lines, in the shape and type of the operand.
  package let values: Tensor
  /// The mean of each line, in float64; 0 where it was not taken off.
  package let means: Tensor
  /// 1 / √(variance + ε) of each line, in float64.
  package let inverseDeviations: Tensor
}

extension Workspace {
  /// Every run of `length` elements of `x`, less its mean if `centring` is set, divided by
  /// √(mean of squares + ε).
  ///
  /// Statistics are computed in float64. The variance is that of the population.
  ///
  /// - Throws: if `x` is not float32 or float64, or if its size is no multiple of `length`.
  package func standardize(
    _ x: Tensor, runsOf length: Int, epsilon: Double, centring: Bool
  ) throws(KernelError) -> Standardized {
    guard length > 0, x.elementCount % length == 0 else {
      throw KernelError("\(x.shape) cannot be normalised in runs of \(length)")
    }
    return switch x.elementType {
    case .float32: standardize(rowMajor(x), length, epsilon, centring, Float.self)
    case .float64: standardize(rowMajor(x), length, epsilon, centring, Double.self)
    default: throw Self.undefined(x.elementType)
    }
  }

  private func standardize<E: RealElement>(
    _ x: Tensor, _ length: Int, _ epsilon: Double, _ centring: Bool, _ type: E.Type
  ) -> Standardized {
    let runs = x.elementCount / length
    let values = tensor(E.elementType, x.shape)
    let (means, deviations) = (tensor(.float64, [runs]), tensor(.float64, [runs]))
    x.withElements(as: E.self) { source in
      let target = values.address.bindMemory(to: E.self, capacity: source.count)
      let mean = means.address.bindMemory(to: Double.self, capacity: runs)
      let deviation = deviations.address.bindMemory(to: Double.self, capacity: runs)
      parallel(runs, grain: max(1, 4096 / length)) { range in
        for run in range {
          let places = run * length..<(run + 1) * length
          var sum = 0.0
          if centring { for place in places { sum += Double(source[place]) } }
          let centre = sum / Double(length)
          var squares = 0.0
          for place in places {
            let distance = Double(source[place]) - centre
            squares += distance * distance
          }
          let scale = 1 / (squares / Double(length) + epsilon).squareRoot()
          for place in places { target[place] = E((Double(source[place]) - centre) * scale) }
          (mean[run], deviation[run]) = (centre, scale)
        }
      }
    }
    return Standardized(values: values, means: means, inverseDeviations: deviations)
  }

  /// The quotients of both operands, stretched to one shape, and 0 where the divisor is 0.
  package func divideOrZero(_ a: Tensor, _ b: Tensor) throws(KernelError) -> Tensor {
    switch (a.elementType, b.elementType) {
    case (.float32, .float32): try divideOrZero(a, b, Float.self)
    case (.float64, .float64): try divideOrZero(a, b, Double.self)
    default: throw Self.undefined(a.elementType)
    }
  }

  private func divideOrZero<E: RealElement>(
    _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    try combine(a, b) { (span: Span<E>, a, b) in span.fill(a, b) { $1 == 0 ? 0 : $0 / $1 } }
  }
}
