import Foundation
public import Tensors

/// Baselines that are computed from the input alone. Points are batches of one row.
extension Tensor {
  /// Zeros of the same shape and type.
  public func zeros() -> Tensor {
    Tensor(repeating: 0.0, shape: shape).converted(to: elementType)
  }

  /// For each channel, the mean of its elements; the mean of all where there are no channels.
  package func meanBaseline(channelAxis: Int?) -> Tensor {
    mapBaseline { elements in
      guard let (count, stride) = channels(channelAxis) else {
        let mean = elements.reduce(0, +) / Double(elements.count)
        return [Double](repeating: mean, count: elements.count)
      }
      var sums = [Double](repeating: 0, count: count)
      for (index, element) in elements.enumerated() { sums[index / stride % count] += element }
      let size = Double(elements.count / count)
      return elements.indices.map { sums[$0 / stride % count] / size }
    }
  }

  /// Each channel filled with one number.
  package func colorBaseline(_ values: [Double], channelAxis: Int) -> Tensor {
    mapBaseline { elements in
      guard let (count, stride) = channels(channelAxis), count == values.count else {
        return elements
      }
      return elements.indices.map { values[$0 / stride % count] }
    }
  }

  /// Uniform noise between the least and the greatest element, from a seeded generator.
  package func noiseBaseline(seed: UInt64) -> Tensor {
    mapBaseline { elements in
      var generator = SplitMix64(seed: seed)
      let (low, high) = (elements.min() ?? 0, elements.max() ?? 0)
      return elements.map { _ in low + (high - low) * Double.random(in: 0..<1, using: &generator) }
    }
  }

  /// Normal noise with the mean and the standard deviation of the elements, from a seeded generator.
  package func gaussianBaseline(seed: UInt64) -> Tensor {
    mapBaseline { elements in
      var noise = SampleNoise(seed: seed, digest: "", purpose: "gaussian baseline")
      let count = Double(max(elements.count, 1))
      let mean = elements.reduce(0, +) / count
      let variance = elements.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      return elements.map { _ in mean + variance.squareRoot() * noise.normal() }
    }
  }

  /// Uniform noise between -1 and 1 from a seeded generator, float64.
  package static func noise(shape: Shape, seed: UInt64) -> Tensor {
    var generator = SplitMix64(seed: seed)
    let elements = (0..<shape.elementCount).map { _ in
      Double.random(in: -1...1, using: &generator)
    }
    return Tensor(elements, shape: shape)
  }

  /// Pictures blurred by a Gaussian, borders reflected; by default that of Hesse et al. (2021): 51x51
  /// pixels, sigma 41 times the square root of 2.
  package func blurBaseline(
    channelAxis: Int, radius: Int = 25, sigma: Double = 41 * 2.0.squareRoot()
  ) -> Tensor {
    var weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
    let total = weights.reduce(0, +)
    for index in weights.indices { weights[index] /= total }
    return mapBaseline { elements in
      let isChannelsLast = channelAxis == shape.rank - 1
      let (heightAxis, widthAxis) =
        isChannelsLast ? (shape.rank - 3, shape.rank - 2) : (shape.rank - 2, shape.rank - 1)
      let rows = blurred(elements, along: heightAxis, weights)
      return blurred(rows, along: widthAxis, weights)
    }
  }

  private func blurred(_ elements: [Double], along axis: Int, _ weights: [Double]) -> [Double] {
    let radius = weights.count / 2
    let (extent, stride) = (shape[axis], shape.strides[axis])
    // For each position the places that its weights apply to.
    let places = (0..<extent).map { position in
      (-radius...radius).map { Self.reflected(position + $0, extent) * stride }
    }
    return [Double](unsafeUninitializedCapacity: elements.count) { output, count in
      elements.withUnsafeBufferPointer { elements in
        for start in Swift.stride(from: 0, to: elements.count, by: extent * stride) {
          for position in 0..<extent {
            let row = start + position * stride
            for index in row..<(row + stride) { output[index] = 0 }
            for (weight, place) in zip(weights, places[position]) {
              let source = start + place
              for offset in 0..<stride {
                output[row + offset] += weight * elements[source + offset]
              }
            }
          }
        }
      }
      count = elements.count
    }
  }

  /// A position mirrored at the borders, without repeating the border itself.
  private static func reflected(_ position: Int, _ extent: Int) -> Int {
    guard extent > 1 else { return 0 }
    let period = 2 * (extent - 1)
    let folded = ((position % period) + period) % period
    return folded < extent ? folded : period - folded
  }

  private func channels(_ axis: Int?) -> (count: Int, stride: Int)? {
    guard let axis, axis < shape.rank else { return nil }
    return (shape[axis], shape.strides[axis])
  }

  private func mapBaseline(_ transform: ([Double]) -> [Double]) -> Tensor {
    let elements = converted(to: .float64).elements(as: Double.self)
    return Tensor(transform(elements), shape: shape).converted(to: elementType)
  }
}
