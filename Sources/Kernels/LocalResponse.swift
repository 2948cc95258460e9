import Glibc
package import Tensors

/// What a local response normalisation is besides its input: x / (bias + alpha / size * the sum of
/// the squares over `size` neighbouring channels) ^ beta.
package struct LocalResponse: Hashable, Sendable {
  package let size: Int
  package let alpha: Double
  package let beta: Double
  package let bias: Double

  package init(size: Int, alpha: Double, beta: Double, bias: Double) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.bias = bias
  }

  /// The channels whose squares count for channel `index`.
  fileprivate func neighbours(of index: Int, among count: Int) -> Range<Int> {
    max(0, index - (size - 1) / 2)..<min(count, index + size / 2 + 1)
  }

  /// The channels that count the square of channel `index`.
  fileprivate func observers(of index: Int, among count: Int) -> Range<Int> {
    max(0, index - size / 2)..<min(count, index + (size - 1) / 2 + 1)
  }
}

extension Workspace {
  /// `x` (N x C x spatial) normalised.
  package func localResponse(
    _ x: Tensor, _ response: LocalResponse
  ) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32: localResponse(rowMajor(x), response, Float.self)
    case .float64: localResponse(rowMajor(x), response, Double.self)
    default: throw KernelError("\(x.elementType) cannot be normalised")
    }
  }

  /// The gradient of `localResponse` with respect to `x`, given that of its result.
  package func localResponseGradient(
    _ dy: Tensor, _ x: Tensor, _ response: LocalResponse
  ) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32: localResponseGradient(rowMajor(dy), rowMajor(x), response, Float.self)
    case .float64: localResponseGradient(rowMajor(dy), rowMajor(x), response, Double.self)
    default: throw KernelError("\(x.elementType) cannot be normalised")
    }
  }

  private func localResponse<E: BinaryFloatingPoint & NumericElement>(
    _ x: Tensor, _ response: LocalResponse, _ type: E.Type
  ) -> Tensor {
    let result = tensor(x.elementType, x.shape)
    let target = result.address.bindMemory(to: E.self, capacity: x.elementCount)
    x.withElements(as: E.self) { source in
      forEachRow(of: x.shape) { channel, channels, first, count in
        let start = first + channel * count
        var sums = [E](repeating: E(response.bias), count: count)
        let factor = E(response.alpha / Double(response.size))
        for neighbour in response.neighbours(of: channel, among: channels) {
          let row = first + neighbour * count
          for place in 0..<count {
            sums[place] += factor * source[row + place] * source[row + place]
          }
        }
        for place in 0..<count {
          target[start + place] = source[start + place] / power(sums[place], response.beta)
        }
      }
    }
    return result
  }

  private func localResponseGradient<E: BinaryFloatingPoint & NumericElement>(
    _ dy: Tensor, _ x: Tensor, _ response: LocalResponse, _ type: E.Type
  ) -> Tensor {
    let ratio = tensor(x.elementType, x.shape)
    let result = tensor(x.elementType, x.shape)
    let ratios = ratio.address.bindMemory(to: E.self, capacity: x.elementCount)
    let target = result.address.bindMemory(to: E.self, capacity: x.elementCount)
    let factor = E(response.alpha / Double(response.size))
    dy.withElements(as: E.self) { gradient in
      x.withElements(as: E.self) { source in
        forEachRow(of: x.shape) { channel, channels, first, count in
          let start = first + channel * count
          var sums = [E](repeating: E(response.bias), count: count)
          for neighbour in response.neighbours(of: channel, among: channels) {
            let row = first + neighbour * count
            for place in 0..<count {
              sums[place] += factor * source[row + place] * source[row + place]
            }
          }
          for place in 0..<count {
            let direct = gradient[start + place] / power(sums[place], response.beta)
            target[start + place] = direct
            ratios[start + place] = direct * source[start + place] / sums[place]
          }
        }
        forEachRow(of: x.shape) { channel, channels, first, count in
          let start = first + channel * count
          var sums = [E](repeating: 0, count: count)
          for observer in response.observers(of: channel, among: channels) {
            let row = first + observer * count
            for place in 0..<count { sums[place] += ratios[row + place] }
          }
          let scale = E(2 * response.beta) * factor
          for place in 0..<count {
            target[start + place] -= scale * source[start + place] * sums[place]
          }
        }
      }
    }
    withExtendedLifetime(ratio) {}
    return result
  }

  /// Calls `body` with each channel: its number, the number of channels, the first element of its
  /// sample, and the elements of a channel.
  private func forEachRow(
    of shape: Shape, _ body: (Int, Int, Int, Int) -> Void
  ) {
    let channels = shape[1]
    let pixels = shape.dropFirst(2).reduce(1, *)
    parallel(shape[0] * channels, grain: max(16384 / max(pixels, 1), 1)) { rows in
      for row in rows {
        body(row % channels, channels, row / channels * channels * pixels, pixels)
      }
    }
  }

  private func power<E: BinaryFloatingPoint>(_ base: E, _ exponent: Double) -> E {
    if exponent == 0.75 { return base.squareRoot() * base.squareRoot().squareRoot() }
    return E(pow(Double(base), exponent))
  }
}
