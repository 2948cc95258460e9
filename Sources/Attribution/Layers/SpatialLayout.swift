import Graphs
import Tensors

/// Which dimensions of a sample are places, and which is that of the channels.
///
/// Models do not say. Three dimensions are a picture: its channels come first unless the last extent
/// alone is 3, or else 1, as pictures are read; feature maps of any other depth have them first as ONNX
/// wants it. More dimensions are a volume of channels. Of one or two dimensions all are places.
struct SpatialLayout: Hashable {
  /// The shape of a sample, without the dimension of the batch.
  let shape: Shape
  /// The dimension of the channels, where there is one.
  let channelAxis: Int?

  init(_ shape: Shape) {
    self.shape = shape
    if shape.rank == 3 {
      let candidates = [0, 2]
      let depth = [3, 1].first { depth in candidates.contains { shape[$0] == depth } }
      channelAxis = candidates.first { shape[$0] == depth } ?? 0
    } else {
      channelAxis = shape.rank > 3 ? 0 : nil
    }
  }

  /// Whether a sample is a picture.
  var isPicture: Bool { shape.rank == 3 && shape.elementCount > 0 }

  /// The dimensions that are places.
  var spatialAxes: [Int] { shape.indices.filter { $0 != channelAxis } }

  /// The extents of the places.
  var extents: [Int] { spatialAxes.map { shape[$0] } }

  /// Numbers at a place.
  var channels: Int { channelAxis.map { shape[$0] } ?? 1 }

  /// One number at each place, row-major, given to all its channels.
  func spread(_ places: [Double]) -> [Double] {
    guard let channelAxis else { return places }
    let stride = shape.strides[channelAxis]
    let block = stride * channels
    return (0..<shape.elementCount).map { places[$0 / block * stride + $0 % stride] }
  }
}

extension ModelFunction {
  /// The shape of one sample: of a point, without a leading 1 that counts the only one.
  var sampleShape: Shape {
    guard !hasBatches, pointShape.rank > 1, pointShape.first == 1 else { return pointShape }
    return Shape(Array(pointShape.dropFirst()))
  }

  /// The layout of pictures.
  ///
  /// - Throws: `ModelError` if samples are none.
  func pictureLayout(for method: String) throws(ModelError) -> SpatialLayout {
    let layout = SpatialLayout(sampleShape)
    guard layout.isPicture else {
      throw ModelError(
        "\(method) needs pictures, and a sample of this model is \(sampleShape); use ig",
        kind: .usage)
    }
    return layout
  }
}
