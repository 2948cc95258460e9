package import Evaluation

extension Picture {
  /// The mask window: the picture, as bright as its pixels matter.
  ///
  /// Each pixel is multiplied by its strength over the strengths' 99th percentile, clipped to 1.
  ///
  /// - Parameter strength: the sum over channels of the attribution's magnitudes, of the
  ///   picture's size.
  package func masked(by strength: PixelMap) throws(ReportError) -> Picture {
    guard strength.width == width, strength.height == height else {
      throw .sizeMismatch(
        map: "\(strength.width)x\(strength.height)", picture: "\(width)x\(height)")
    }
    let scale = strength.scale
    var pixels = pixels
    for (pixel, value) in strength.values.enumerated() {
      let weight = scale > 0 ? min(abs(value) / scale, 1) : 0
      for index in 3 * pixel..<3 * pixel + 3 {
        pixels[index] = UInt8((Double(pixels[index]) * weight).rounded())
      }
    }
    return Picture(width: width, height: height, pixels: pixels)
  }
}

extension PixelMap {
  /// The map in red and blue, saturated at the 99th percentile of the magnitudes; white if all
  /// numbers are 0.
  package var signedPicture: Picture {
    let scale = scale
    let pixels = values.flatMap { value in
      let color = ColorMap.color(scale > 0 ? value / scale : 0)
      return [color.red, color.green, color.blue]
    }
    return Picture(width: width, height: height, pixels: pixels)
  }
}
