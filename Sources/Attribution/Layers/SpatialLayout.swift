package import Graphs
import Operators
package import Tensors

/// Which dimensions of a sample are places, and which is that of the channels.
///
/// Models do not say. Three dimensions of an input are a picture: its channels come first unless the last
/// extent alone is 3, or else 1, as pictures are read. More dimensions are a volume of channels. Of two
/// dimensions one is that of the channels where a one-dimensional convolution or pooling says so; else
/// all of one or two dimensions are places.
///
/// The channels of a layer are those that a convolution or pooling reads; where none does, those that
/// one wrote. Else the first of three or more dimensions are, as in feature maps of ONNX, and the second
/// of two: [tokens, numbers].
package struct SpatialLayout: Hashable, Sendable {
  /// The shape of a sample, without the dimension of the batch.
  package let shape: Shape
  /// The dimension of the channels, where there is one.
  package let channelAxis: Int?

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

  /// A layout whose channels are known, nil where all dimensions are places.
  package init(_ shape: Shape, channelAxis: Int?) {
    self.shape = shape
    self.channelAxis = channelAxis
  }

  /// Whether a sample is a picture.
  var isPicture: Bool { shape.rank == 3 && shape.elementCount > 0 }

  /// The dimensions that are places.
  var spatialAxes: [Int] { shape.indices.filter { $0 != channelAxis } }

  /// The extents of the places.
  var extents: [Int] { spatialAxes.map { shape[$0] } }

  /// Numbers at a place.
  package var channels: Int { channelAxis.map { shape[$0] } ?? 1 }

  /// One number at each place, row-major, given to all its channels.
  func spread(_ places: [Double]) -> [Double] {
    guard let channelAxis else { return places }
    let stride = shape.strides[channelAxis]
    let block = stride * channels
    return (0..<shape.elementCount).map { places[$0 / block * stride + $0 % stride] }
  }
}

extension ModelFunction {
  /// The shape of one sample: of a point, without the dimension of 1 that counts the only one.
  var sampleShape: Shape {
    guard !hasBatches, let axis = countingAxis else { return pointShape }
    var extents = Array(pointShape)
    extents.remove(at: axis)
    return Shape(extents)
  }

  /// The dimension of the explained input that counts samples: the first, or the second behind that of
  /// the places of a layer.
  private var countingAxis: Int? {
    guard !hasBatches else { return 0 }
    guard pointShape.rank > 1 else { return nil }
    return pointShape.prefix(explainsLayer ? 2 : 1).firstIndex(of: 1)
  }

  /// The layout of a sample, its channels found by what reads or wrote them where its shape does not tell.
  ///
  /// - Throws: `ModelError` if an operator refuses its operands.
  package func sampleLayout() throws(ModelError) -> SpatialLayout {
    let shape = sampleShape
    guard shape.rank == 2 || explainsLayer && shape.rank > 2 else { return SpatialLayout(shape) }
    let graph = try specialized(rows: layout.smallestBatch)
    guard
      let found = graph.channelAxis(of: graph.inputs[explained])
        ?? writtenChannels.map(Optional.some)
    else {
      return SpatialLayout(shape, channelAxis: explainsLayer ? (shape.rank == 2 ? 1 : 0) : nil)
    }
    guard let axis = found, axis != countingAxis else {
      return SpatialLayout(shape, channelAxis: nil)
    }
    let isBehind = countingAxis.map { $0 < axis } ?? false
    return SpatialLayout(shape, channelAxis: isBehind ? axis - 1 : axis)
  }

  /// The layout of pictures.
  ///
  /// - Throws: `ModelError` if samples are none.
  func pictureLayout(for method: String) throws(ModelError) -> SpatialLayout {
    let layout = try sampleLayout()
    guard layout.isPicture, layout.channelAxis != nil else {
      throw ModelError(
        "\(method) needs pictures, and a sample of this model is \(sampleShape); use ig",
        kind: .usage)
    }
    return layout
  }
}

extension Graph {
  private static let windowed: Set = ["AveragePool", "Conv", "ConvTranspose", "LpPool", "MaxPool"]

  /// The dimension of an input that convolutions and poolings take for their channels, seen through
  /// operators that keep the shape, transpose it or put in dimensions of one: nil in the optional where
  /// it is such a dimension, nil where none reads the input.
  fileprivate func channelAxis(of input: Value) -> Int?? {
    guard let shape = type(of: input)?.shape else { return nil }
    var axes: [Value: [Int?]] = [input: Array(shape.indices)]
    for node in nodes {
      guard let value = node.inputs.compactMap(\.self).first(where: { axes[$0] != nil }),
        let known = axes[value], let output = node.outputs.first
      else { continue }
      if Self.windowed.contains(node.operatorName), node.inputs.first == value, known.count > 2 {
        return .some(known[1])
      }
      axes[output] = dimensions(known, of: value, behind: node)
    }
    return nil
  }

  /// The dimension of a value that convolutions and poolings made their channels, seen through operators
  /// that keep the shape, transpose it or put in dimensions of one; nil where none did.
  package func writtenChannelAxis(of value: Value) -> Int? {
    let channels = 1
    var axes: [Value: [Int?]] = [:]
    for node in nodes {
      guard let output = node.outputs.first, let shape = type(of: output)?.shape else { continue }
      if Self.windowed.contains(node.operatorName), shape.rank > 2 {
        axes[output] = shape.indices.map { $0 == channels ? $0 : nil }
      } else {
        axes[output] =
          node.inputs.lazy.compactMap { input -> [Int?]? in
            guard let input, let known = axes[input] else { return nil }
            return dimensions(known, of: input, behind: node)
          }.first
      }
    }
    return axes[value]?.firstIndex(of: channels)
  }

  /// Where the known dimensions of an operand lie in the result of a node; nil where that is not told.
  private func dimensions(_ known: [Int?], of operand: Value, behind node: Node) -> [Int?]? {
    guard let from = type(of: operand)?.shape,
      let to = node.outputs.first.flatMap({ type(of: $0)?.shape })
    else { return nil }
    if let transpose = node.operation as? Transpose {
      let order = transpose.permutation ?? Array(from.indices.reversed())
      return order.map { known.indices.contains($0) ? known[$0] : nil }
    }
    return from == to ? known : Self.withoutOnes(known, from, to)
  }

  /// The dimensions of a shape that differs by dimensions of one only.
  private static func withoutOnes(_ axes: [Int?], _ from: Shape, _ to: Shape) -> [Int?]? {
    var kept = zip(axes, from).filter { $0.1 != 1 }[...]
    guard kept.map(\.1) == to.filter({ $0 != 1 }) else { return nil }
    return to.map { $0 == 1 ? nil : kept.removeFirst().0 }
  }
}
