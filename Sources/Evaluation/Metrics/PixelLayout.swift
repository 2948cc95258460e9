package import Tensors

/// How the pixels of a picture lie in a tensor without a batch dimension.
package struct PixelLayout: Sendable, Hashable {
  /// Rows and columns.
  package let height: Int
  package let width: Int
  /// Numbers per pixel.
  package let channels: Int
  /// Whether the numbers of a pixel lie side by side.
  package let isChannelsLast: Bool

  /// The layout of pictures of this shape, [C,H,W] or [H,W,C]; nil if they are none.
  package init?(_ shape: Shape, isChannelsLast: Bool) {
    guard shape.rank == 3, shape.elementCount > 0 else { return nil }
    self.isChannelsLast = isChannelsLast
    channels = isChannelsLast ? shape[2] : shape[0]
    height = isChannelsLast ? shape[0] : shape[1]
    width = isChannelsLast ? shape[1] : shape[2]
  }

  /// The layout of the places of a layer's value: the tokens of [places, numbers], the places of a
  /// feature map [channels, ...], else each element.
  package init(placesOf shape: Shape) {
    isChannelsLast = shape.rank == 2
    channels = shape.rank < 2 ? 1 : max(isChannelsLast ? shape[1] : shape[0], 1)
    height = shape.elementCount / channels
    width = 1
  }

  /// Pixels in a picture.
  package var count: Int { height * width }

  var pixelStride: Int { isChannelsLast ? channels : 1 }
  var channelStride: Int { isChannelsLast ? 1 : count }

  /// The places of the numbers of a pixel.
  func elements(of pixel: Int) -> [Int] {
    (0..<channels).map { pixel * pixelStride + $0 * channelStride }
  }

  /// For each pixel the sum over channels of `transform` of its numbers.
  func sums(_ values: Tensor, _ transform: (Double) -> Double) -> [Double] {
    values.withElements(as: Double.self) { elements in
      (0..<count).map { pixel in
        var sum = 0.0
        for channel in 0..<channels {
          sum += transform(elements[pixel * pixelStride + channel * channelStride])
        }
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
