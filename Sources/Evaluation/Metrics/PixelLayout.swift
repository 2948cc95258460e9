package import Attribution
package import Tensors

/// How the pixels of a picture lie in a tensor without a batch dimension.
package struct PixelLayout: Sendable, Hashable {
  /// Rows and columns.
  package let height: Int
  package let width: Int
  /// Numbers per pixel.
  package let channels: Int
  /// How far apart the numbers of a pixel lie.
  private let channelStride: Int

  /// The layout of pictures of this shape, [C,H,W] or [H,W,C]; nil if they are none.
  package init?(_ shape: Shape, isChannelsLast: Bool) {
    guard shape.rank == 3, shape.elementCount > 0 else { return nil }
    channels = isChannelsLast ? shape[2] : shape[0]
    height = isChannelsLast ? shape[0] : shape[1]
    width = isChannelsLast ? shape[1] : shape[2]
    channelStride = isChannelsLast ? 1 : height * width
  }

  /// The layout of the places of a layer's value.
  package init(_ layout: SpatialLayout) {
    channels = max(layout.channels, 1)
    height = layout.shape.elementCount / channels
    width = 1
    channelStride = max(layout.channelAxis.map { layout.shape.strides[$0] } ?? 1, 1)
  }

  /// Pixels in a picture.
  package var count: Int { height * width }

  /// The places of the numbers of a pixel.
  package func elements(of pixel: Int) -> StrideTo<Int> {
    let first = pixel / channelStride * channelStride * channels + pixel % channelStride
    return stride(from: first, to: first + channels * channelStride, by: channelStride)
  }

  /// For each pixel the sum over channels of `transform` of its numbers.
  func sums(_ values: Tensor, _ transform: (Double) -> Double) -> [Double] {
    values.withElements(as: Double.self) { elements in
      (0..<count).map { pixel in
        var sum = 0.0
        for element in self.elements(of: pixel) { sum += transform(elements[element]) }
        return sum
      }
    }
  }

  /// For each pixel the mean over channels of an attribution.
  package func means(_ values: Tensor) -> [Double] {
    sums(values) { $0 }.map { $0 / Double(channels) }
  }

  /// For each pixel the sum over channels of an attribution's magnitudes.
  package func magnitudes(_ values: Tensor) -> [Double] { sums(values, abs) }
}
