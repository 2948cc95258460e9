package import Tensors

/// How the elements along some axes become numbers that compare them.
package enum Normalizer: Hashable, Sendable {
  /// exp(x) / sum of exp(x).
  case softmax
  /// The logarithm of `softmax`.
  case logSoftmax
  /// 1 at the first maximum, 0 elsewhere.
  case hardmax
}

extension Workspace {
  /// `normalizer` of the elements along `axes`, which are neighbours.
  ///
  /// float32 accumulates in float64.
  ///
  /// - Throws: if `x` is not float32 or float64.
  package func normalize(
    _ normalizer: Normalizer, _ x: Tensor, axes: Range<Int>
  ) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32: normalize(normalizer, rowMajor(x), axes, Float.self)
    case .float64: normalize(normalizer, rowMajor(x), axes, Double.self)
    default: throw Self.undefined(x.elementType)
    }
  }

  private func normalize<E: RealElement>(
    _ normalizer: Normalizer, _ x: Tensor, _ axes: Range<Int>, _ type: E.Type
  ) -> Tensor {
    let result = tensor(E.elementType, x.shape)
    guard x.elementCount > 0 else { return result }
    let outer = x.shape[..<axes.lowerBound].reduce(1, *)
    let count = x.shape[axes].reduce(1, *)
    let inner = x.shape[axes.upperBound...].reduce(1, *)
    x.withElements(as: E.self) { source in
      let target = result.address.bindMemory(to: E.self, capacity: source.count)
      parallel(outer * inner, grain: max(1, Self.costlyGrain / count)) { lines in
        var exponentials = [Double](repeating: 0, count: count)
        for line in lines {
          let first = line / inner * count * inner + line % inner
          let places = stride(from: first, to: first + count * inner, by: inner)
          var (maximum, best) = (source[first], first)
          for place in places where source[place] > maximum {
            (maximum, best) = (source[place], place)
          }
          if normalizer == .hardmax {
            for place in places { target[place] = place == best ? 1 : 0 }
            continue
          }
          var sum = 0.0
          for index in 0..<count {
            let shifted = Double(source[first + index * inner]) - Double(maximum)
            exponentials[index] = Double.exp(shifted)
            sum += exponentials[index]
          }
          if normalizer == .softmax {
            for index in 0..<count {
              target[first + index * inner] = E(exponentials[index] / sum)
            }
          } else {
            let logarithm = Double(maximum) + Double.log(sum)
            for place in places { target[place] = E(Double(source[place]) - logarithm) }
          }
        }
      }
    }
    return result
  }
}
