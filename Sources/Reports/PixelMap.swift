package import Evaluation
package import Tensors

/// One number for each pixel of a picture.
package struct PixelMap: Sendable, Equatable {
  /// Pixels in a row.
  package let width: Int
  /// Rows.
  package let height: Int
  /// The numbers, row by row from the top; all are finite.
  package let values: [Double]

  /// The map of these numbers; NaN and infinities, which no colour shows, become 0.
  ///
  /// - Precondition: there is one for each pixel.
  package init(width: Int, height: Int, values: [Double]) {
    precondition(values.count == width * height, "\(values.count) values, \(width)x\(height)")
    self.width = width
    self.height = height
    self.values = values.map { $0.isFinite ? $0 : 0 }
  }

  /// An attribution summed over its channels, after `transform` of each number.
  ///
  /// - Parameters:
  ///   - attribution: floats of [C,H,W], or [H,W,C] by `layout`, with or without a leading
  ///     batch of one.
  ///   - transform: `abs` for the strength of a pixel whatever the sign.
  package init(
    summing attribution: Tensor, layout: Preprocessing.Layout = .nchw,
    _ transform: (Double) -> Double = { $0 }
  ) throws(ReportError) {
    var extents = attribution.shape.dimensions
    if extents.count == 4, extents.first == 1 { extents.removeFirst() }
    guard extents.count == 3, attribution.elementType.isFloatingPoint else {
      throw .notAMap("\(attribution)")
    }
    if layout == .nhwc { extents = [extents[2], extents[0], extents[1]] }
    let (channels, pixels) = (extents[0], extents[1] * extents[2])
    let (channelStride, pixelStride) = layout == .nchw ? (pixels, 1) : (1, channels)

    let elements = attribution.converted(to: .float64).elements(as: Double.self)
    let sums = (0..<pixels).map { pixel in
      (0..<channels).reduce(0) { sum, channel in
        sum + transform(elements[pixel * pixelStride + channel * channelStride])
      }
    }
    self.init(width: extents[2], height: extents[1], values: sums)
  }

  /// The magnitude that 99 % of the pixels stay below, between two pixels by linear interpolation:
  /// the scale of a map, which a few extreme pixels do not change.
  package var scale: Double {
    let magnitudes = values.map(abs).sorted()
    guard let largest = magnitudes.last else { return 0 }
    let position = 0.99 * Double(magnitudes.count - 1)
    let index = Int(position)
    let next = index + 1 < magnitudes.count ? magnitudes[index + 1] : largest
    return magnitudes[index] + (next - magnitudes[index]) * (position - Double(index))
  }
}

/// Why a picture of an attribution cannot be drawn.
package enum ReportError: Error, Equatable, CustomStringConvertible {
  /// The tensor does not have the shape or type of a picture.
  case notAMap(String)
  /// The attribution has another size than the picture.
  case sizeMismatch(map: String, picture: String)

  /// One line.
  package var description: String {
    switch self {
    case .notAMap(let tensor): "a \(tensor) tensor is not the attribution of a picture"
    case .sizeMismatch(let map, let picture):
      "an attribution of \(map) pixels does not fit a picture of \(picture)"
    }
  }
}
