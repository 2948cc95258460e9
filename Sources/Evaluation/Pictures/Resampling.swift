/// Antialiased bilinear resizing, equal to that of Pillow (`Image.resize` with `BILINEAR`), with
/// which the published accuracies of most classifiers were measured.
///
/// Each output pixel is a weighted mean under a triangle that is as wide as the reduction asks;
/// rows first, then columns, with weights of 22 fractional bits and a rounding to 8 bits after each.
extension Picture {
  /// The picture at another size.
  ///
  /// - Precondition: both extents are positive.
  public func resized(width newWidth: Int, height newHeight: Int) -> Picture {
    precondition(newWidth > 0 && newHeight > 0, "resized to \(newWidth)x\(newHeight)")
    var pixels = self.pixels
    if newWidth != width {
      let weights = TriangleWeights(from: width, to: newWidth)
      pixels = weights.apply(to: pixels, lines: height, lineStride: 3 * width, step: 3)
    }
    if newHeight != height {
      let weights = TriangleWeights(from: height, to: newHeight)
      pixels = weights.applyToRows(of: pixels, rowSize: 3 * newWidth)
    }
    return Picture(width: newWidth, height: newHeight, pixels: pixels)
  }
}

/// For every place of the output, the run of input places under its triangle and their weights.
private struct TriangleWeights {
  private static let fractionalBits = 22

  private var starts: [Int] = []
  private var counts: [Int] = []
  /// `stride` weights for each output place, of which the first `counts` are used.
  private var weights: [Int32] = []
  private let stride: Int

  init(from inputCount: Int, to outputCount: Int) {
    let scale = Double(inputCount) / Double(outputCount)
    let support = max(scale, 1)
    stride = 2 * Int(support.rounded(.up)) + 1
    weights = [Int32](repeating: 0, count: stride * outputCount)
    for place in 0..<outputCount {
      let center = (Double(place) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let end = min(inputCount, Int(center + support + 0.5))
      let heights = (start..<end).map { max(0, 1 - abs((Double($0) - center + 0.5) / support)) }
      let sum = heights.reduce(0, +)
      for (offset, height) in heights.enumerated() {
        let weight = height / sum * Double(1 << Self.fractionalBits)
        weights[place * stride + offset] = Int32(weight + 0.5)
      }
      starts.append(start)
      counts.append(end - start)
    }
  }

  /// The lines resampled along themselves.
  func apply(to pixels: [UInt8], lines: Int, lineStride: Int, step: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: lines * starts.count * step) { output, count in
      pixels.withUnsafeBufferPointer { pixels in
        weights.withUnsafeBufferPointer { weights in
          for line in 0..<lines {
            for place in starts.indices {
              let run = weights[(place * stride)...].prefix(counts[place])
              let first = line * lineStride + starts[place] * step
              let target = (line * starts.count + place) * step
              for channel in 0..<step {
                output[target + channel] = Self.mean(run, pixels, first + channel, step)
              }
            }
          }
        }
      }
      count = output.count
    }
  }

  /// Whole rows of bytes mixed with the rows below.
  func applyToRows(of pixels: [UInt8], rowSize: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: starts.count * rowSize) { output, count in
      pixels.withUnsafeBufferPointer { pixels in
        weights.withUnsafeBufferPointer { weights in
          for place in starts.indices {
            let run = weights[(place * stride)...].prefix(counts[place])
            for column in 0..<rowSize {
              let first = starts[place] * rowSize + column
              output[place * rowSize + column] = Self.mean(run, pixels, first, rowSize)
            }
          }
        }
      }
      count = output.count
    }
  }

  @inline(__always)
  private static func mean(
    _ weights: Slice<UnsafeBufferPointer<Int32>>, _ pixels: UnsafeBufferPointer<UInt8>,
    _ first: Int, _ step: Int
  ) -> UInt8 {
    var sum: Int32 = 1 << (fractionalBits - 1)
    var position = first
    for weight in weights {
      sum &+= weight &* Int32(pixels[position])
      position += step
    }
    return UInt8(clamping: sum >> fractionalBits)
  }
}
