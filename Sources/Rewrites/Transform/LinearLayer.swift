import Graphs
import Operators
import Tensors

/// A node of a converted graph that multiplies patches of its input by constant weights, and what it
/// is in the original: what calibration works on.
struct LinearLayer {
  /// How the operator arranges its operands.
  enum Form {
    case convolution(Conv)
    /// A product of matrices; factors of `alpha`, weights by inputs x outputs if `byInputs`.
    case product(transposingInput: Bool, byInputs: Bool, alpha: Double)
    /// A factor for each channel, which the operator multiplies by one of its own.
    case channels([Double])
  }

  let node: Node
  let form: Form
  /// How messages name the node.
  let label: String
  /// The input in the converted graph.
  let input: Value
  let weights: Value
  let weightsName: String
  /// What the original adds to each output channel; nil if it adds nothing.
  let bias: [Double]?
  /// The output in the original, with everything that was added to it there.
  let target: Value
}

extension Graph {
  /// The layers of this graph that calibration can change, in its order.
  ///
  /// They are Conv and Gemm, MatMul with weights on the right, and BatchNormalization as a factor per
  /// channel. Left alone are weights that are read twice, layers that still have a bias, and
  /// transposed convolutions.
  ///
  /// - Parameter reference: the original, in which values have the same names.
  func linearLayers(comparedWith reference: Graph) -> [LinearLayer] {
    let consumers = consumers
    var isComputed = [Bool](repeating: false, count: records.count)
    for input in inputs { isComputed[input.index] = true }
    var layers: [LinearLayer] = []
    let originals = OriginalLayers(reference, converted: self)
    for node in nodes {
      guard node.inputs.contains(where: { $0.map { isComputed[$0.index] } ?? false }) else {
        continue
      }
      for output in node.outputs { isComputed[output.index] = true }
      guard node.inputs.count >= 2, let input = node.inputs[0], isComputed[input.index],
        let weights = node.inputs[1], consumers[weights.index].count == 1,
        !outputs.contains(weights), let form = form(of: node),
        let original = originals.layer(for: node)
      else { continue }
      layers.append(
        LinearLayer(
          node: node, form: form, label: node.label(opset: opset), input: input,
          weights: weights, weightsName: name(of: weights), bias: original.bias,
          target: original.target))
    }
    return layers
  }

  /// How a node is a product with weights; nil if it is not, or adds something to it.
  private func form(of node: Node) -> LinearLayer.Form? {
    guard let weights = node.inputs[1].flatMap(storedConstant),
      weights.elementType.isFloatingPoint, weights.elementCount > 0
    else { return nil }
    switch node.operation {
    case let convolution as Conv:
      guard weights.shape.rank >= 3, convolution.groups > 0,
        weights.shape[0].isMultiple(of: convolution.groups), addsNothing(node, 2)
      else { return nil }
      return .convolution(convolution)
    case let gemm as Gemm:
      guard weights.shape.rank == 2, gemm.alpha != 0, addsNothing(node, 2) || gemm.beta == 0
      else { return nil }
      return .product(
        transposingInput: gemm.transposingA, byInputs: !gemm.transposingB, alpha: gemm.alpha)
    case is MatMul:
      guard weights.shape.rank == 2 else { return nil }
      return .product(transposingInput: false, byInputs: true, alpha: 1)
    case let normalization as BatchNormalization:
      guard node.inputs.count == 5, addsNothing(node, 2), addsNothing(node, 3),
        let factors = factors(of: normalization, node), factors.count == weights.elementCount,
        factors.allSatisfy({ $0.isFinite && $0 > 0 })
      else { return nil }
      return .channels(factors)
    default: return nil
    }
  }

  private func addsNothing(_ node: Node, _ place: Int) -> Bool {
    guard place < node.inputs.count, let value = node.inputs[place] else { return true }
    return storedConstant(of: value)?.isZero ?? false
  }
}

extension Graph {
  /// 1 / sqrt(variance + epsilon) for each channel, where the variance is constant.
  fileprivate func factors(of normalization: BatchNormalization, _ node: Node) -> [Double]? {
    node.inputs[4].flatMap(doubles)?.map { 1 / ($0 + normalization.epsilon).squareRoot() }
  }

  fileprivate var valuesByName: [String: Value] {
    Dictionary(values.map { (name(of: $0), $0) }) { first, _ in first }
  }

  fileprivate func doubles(_ value: Value) -> [Double]? {
    storedConstant(of: value)?.converted(to: .float64).elements(as: Double.self)
  }
}

/// Finds in an original graph the layers of its bias-free conversion and what is added to them.
private struct OriginalLayers {
  let graph: Graph
  let converted: Graph
  let producers: [Int?]
  let consumers: [[Int]]
  let convertedProducers: [Int?]
  let values: [String: Value]
  let convertedValues: [String: Value]

  init(_ graph: Graph, converted: Graph) {
    self.graph = graph
    self.converted = converted
    (producers, consumers) = (graph.producers, graph.consumers)
    convertedProducers = converted.producers
    values = graph.valuesByName
    convertedValues = converted.valuesByName
  }

  /// The bias of the original of a node, and the value that includes it.
  func layer(for node: Node) -> (bias: [Double]?, target: Value)? {
    let name = converted.name(of: node.outputs[0])
    guard let weights = node.inputs[1].flatMap(converted.storedConstant) else { return nil }
    var sums: [(constant: Value, sign: Double)] = []
    // The conversion may have given the layer's output the name of a sum behind it.
    guard var output = values[name] else { return nil }
    while let sum = addition(output) {
      sums.append((sum.constant, sum.sign))
      output = sum.operand
    }
    guard let index = producers[output.index], graph.nodes[index].inputs.count >= 2,
      graph.nodes[index].operatorName == node.operatorName,
      let original = graph.nodes[index].inputs[1].flatMap(graph.storedConstant),
      original.shape == weights.shape
    else { return nil }
    let layer = graph.nodes[index]
    guard let target = values[name] else { return nil }
    let end = following(target, &sums)
    let axis = Axis(of: layer, weights.shape)
    var bias = ownBias(of: layer, axis)
    for sum in sums {
      guard let means = axis.means(of: sum.constant, in: graph) else { continue }
      bias = zip(bias, means).map { $0 + sum.sign * $1 }
    }
    return (bias.contains { $0 != 0 } ? bias : nil, end)
  }

  /// The value behind the additions of constants that follow `value` and that the conversion took
  /// away.
  private func following(
    _ value: Value, _ sums: inout [(constant: Value, sign: Double)]
  ) -> Value {
    var end = value
    while consumers[end.index].count == 1, !graph.outputs.contains(end) {
      let next = graph.nodes[consumers[end.index][0]].outputs[0]
      guard let sum = addition(next), sum.operand == end, isGone(next) else { break }
      sums.append((sum.constant, sum.sign))
      end = next
    }
    return end
  }

  /// The operands of the sum of a value and a constant that makes `output`.
  private func addition(
    _ output: Value
  ) -> (operand: Value, constant: Value, sign: Double)? {
    guard let index = producers[output.index] else { return nil }
    let node = graph.nodes[index]
    guard ["Add", "Sub", "Sum"].contains(node.operatorName), node.inputs.count == 2,
      let first = node.inputs[0], let second = node.inputs[1]
    else { return nil }
    if graph.storedConstant(of: second) != nil {
      return (first, second, node.operatorName == "Sub" ? -1 : 1)
    }
    guard node.operatorName != "Sub", graph.storedConstant(of: first) != nil else { return nil }
    return (second, first, 1)
  }

  /// Whether the conversion has no sum of this name, or one that adds zero.
  private func isGone(_ sum: Value) -> Bool {
    guard let value = convertedValues[graph.name(of: sum)],
      let index = convertedProducers[value.index]
    else { return true }
    let node = converted.nodes[index]
    guard ["Add", "Sub", "Sum"].contains(node.operatorName) else { return true }
    return node.inputs.contains { input in
      input.flatMap(converted.storedConstant)?.isZero ?? false
    }
  }

  /// What the node itself adds to each output channel.
  private func ownBias(of layer: Node, _ axis: Axis) -> [Double] {
    let zeros = [Double](repeating: 0, count: axis.count)
    if let normalization = layer.operation as? BatchNormalization {
      let parameters = layer.inputs.dropFirst().compactMap { $0.flatMap(graph.doubles) }
      guard parameters.count == 4, parameters.allSatisfy({ $0.count == axis.count }),
        let factors = graph.factors(of: normalization, layer)
      else { return zeros }
      return zeros.indices.map {
        parameters[1][$0] - parameters[0][$0] * parameters[2][$0] * factors[$0]
      }
    }
    guard layer.inputs.count > 2, let bias = layer.inputs[2],
      let means = axis.means(of: bias, in: graph)
    else { return zeros }
    let beta = (layer.operation as? Gemm)?.beta ?? 1
    return means.map { beta * $0 }
  }
}

/// The dimension of a layer's output that counts its channels.
private struct Axis {
  let count: Int
  /// Its place, counted from the last dimension; nil where the rank of the output is not known.
  let behind: Int?

  init(of layer: Node, _ weights: Shape) {
    switch layer.operation {
    case is Conv: (count, behind) = (weights[0], weights.rank - 2)
    case is BatchNormalization: (count, behind) = (weights.elementCount, nil)
    case let gemm as Gemm where gemm.transposingB: (count, behind) = (weights[0], 0)
    default: (count, behind) = (weights[weights.rank - 1], 0)
    }
  }

  /// What a constant adds to each channel, on average over the other dimensions; nil if it is not
  /// one, or cannot be lined up with them.
  func means(of value: Value, in graph: Graph) -> [Double]? {
    guard let constant = graph.storedConstant(of: value), let elements = graph.doubles(value),
      !elements.isEmpty
    else { return nil }
    if elements.count == 1 { return [Double](repeating: elements[0], count: count) }
    let shape = constant.shape
    // A vector is what the convolution itself adds, or what opsets before 7 stretch over channels.
    if shape.rank == 1, shape[0] == count { return elements }
    guard let behind, behind < shape.rank else { return nil }
    let axis = shape.rank - 1 - behind
    guard shape[axis] == count || shape[axis] == 1 else { return nil }
    let stride = shape.strides[axis]
    var sums = [Double](repeating: 0, count: shape[axis])
    for (index, element) in elements.enumerated() {
      sums[index / stride % shape[axis]] += element
    }
    let means = sums.map { $0 / Double(elements.count / shape[axis]) }
    return means.count == count ? means : [Double](repeating: means[0], count: count)
  }
}
