package import Graphs
import Tensors

/// The channels of a layer weighed by their mean gradients, negative sums removed (Selvaraju et al.,
/// 2017, arXiv 1610.02391).
///
/// Where no layer is named it is what the last convolution gives that has more than one place, behind
/// the normalisation, sums, concatenations and activation that read it alone. The map of the layer is
/// stretched to the input by linear interpolation between the centres of places, and every channel of
/// the input holds the same.
package struct GradCam: AttributionMethod {
  package static let name = "grad-cam"
  package static let title = "Grad-CAM"
  package static let summary = "Where the channels of a layer speak for the score."
  package static let usage = "[:layer=NAME]"

  /// The name of the layer; nil for the last one of convolutions.
  package let layer: String?

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    layer = settings.string("layer")
  }

  package var settings: String { layer.map { ":layer=\($0)" } ?? "" }

  package var namedLayer: String? { layer }
  // No gradient of a convolution lies behind the last feature map.
  package var readsGradientPrecision: Bool { layer != nil }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let interpreter = try interpreter(for: function)
    let name = interpreter.graph.name(of: interpreter.graph.outputs[1])
    let result = try function.outputs(
      at: problem.point, of: interpreter, choosing: problem.targets)
    return try zip(result.targets, result.outputs).map { target, outputs in
      let values = try Self.map(
        outputs[0].firstRow(of: function), outputs[1].firstRow(of: function), layer: name,
        of: function)
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(values, shape: function.pointShape), score: result.scores[target],
          baselineScore: nil, passes: Passes(forward: 1, backward: 1)))
    }
  }

  private func interpreter(for function: ModelFunction) throws(ModelError) -> Interpreter {
    let rows = function.layout.smallestBatch
    return try function.layerInterpreter(item) { () throws(ModelError) in
      if let layer { return try function.graph(of: layer, rows: rows) }
      let graph = try function.specialized(rows: rows)
      guard let layer = graph.lastFeatureMap(of: graph.inputs[function.explained]) else {
        throw ModelError(
          "grad-cam finds no convolution with several places; name a layer that has some, as in "
            + "grad-cam:layer=NAME", kind: .usage)
      }
      return try graph.withGradient(at: layer)
    }
  }

  /// The map of the input's shape that follows from a layer's value and gradient.
  private static func map(
    _ value: Tensor, _ gradient: Tensor, layer: String, of function: ModelFunction
  ) throws(ModelError) -> [Double] {
    let extents = Array(value.shape.dropFirst())
    var input = try function.sampleLayout()
    if input.shape.rank == 2, input.channelAxis == nil {
      input = SpatialLayout(input.shape, channelAxis: 0)
    }
    guard !extents.isEmpty, extents.count == input.extents.count, input.channelAxis != nil,
      value.elementCount > 0
    else {
      throw ModelError(
        "grad-cam needs a layer with channels and the \(input.extents.count) spatial dimensions of "
          + "the input; '\(layer)' has shape \(value.shape) for an input \(input.shape), name another",
        kind: .usage)
    }
    let count = extents.reduce(1, *)
    let (values, gradients) = (value.doubles, gradient.doubles)
    var places = [Double](repeating: 0, count: count)
    for channel in 0..<value.shape[0] {
      let range = (channel * count)..<((channel + 1) * count)
      let weight = gradients[range].reduce(0, +) / Double(count)
      for (place, index) in range.enumerated() { places[place] += weight * values[index] }
    }
    return input.spread(
      AxisWeights.map(
        places.map { max($0, 0) }, from: extents, to: input.extents, AxisWeights.interpolating))
  }
}

extension Tensor {
  /// What of an inner value belongs to the first row of a batch, without the dimension of the batch.
  func firstRow(of function: ModelFunction) -> Tensor {
    let rows = function.layout.smallestBatch
    guard let first = shape.first, first == rows else { return self }
    return self.rows(0..<1).reshaped(to: Shape(Array(shape.dropFirst())))
  }
}

extension Graph {
  /// What the last convolution with more than one place gives, seen through the nodes that read it
  /// alone and keep its places: normalisation, sums, concatenations, activation functions.
  fileprivate func lastFeatureMap(of input: Value) -> Value? {
    let consumers = consumers
    let convolution = nodes.last { node in
      node.operatorName == "Conv" && (type(of: node.outputs[0])?.shape.placeCount ?? 0) > 1
        && depends(node.outputs[0], on: input)
    }
    guard var value = convolution?.outputs[0] else { return nil }
    while value != outputs[0], consumers[value.index].count == 1 {
      let reader = nodes[consumers[value.index][0]]
      guard Self.transparent.contains(reader.operatorName), let next = reader.outputs.first,
        let shape = type(of: value)?.shape, let after = type(of: next)?.shape,
        shape.rank == after.rank, shape.dropFirst(2).elementsEqual(after.dropFirst(2))
      else { break }
      value = next
    }
    return value
  }

  private static let transparent: Set = [
    "Add", "BatchNormalization", "Celu", "Clip", "Concat", "Dropout", "Elu", "Gelu", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Mish", "PRelu", "Relu", "Selu", "Sigmoid", "Softplus",
    "Sum", "Swish", "Tanh", "ThresholdedRelu",
  ]
}

extension Shape {
  /// The product of the extents behind those of batch and channels.
  fileprivate var placeCount: Int { rank > 2 ? dropFirst(2).reduce(1, *) : 0 }
}
