package import Graphs
import Operators
import Tensors

extension Graph {
  /// The graph with each product with weights written as the sum of two.
  ///
  ///     W x + b = W/4 x + (3W/4 x + b)
  ///
  /// Law: the function is the same. For a graph that is not specialised; weights that are no constants,
  /// or are many, are left alone.
  ///
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func splittingLayers() throws(ModelError) -> Graph {
    try rewritingLayers { node, weights, rebuilder throws(ModelError) in
      let quarter = weights.map { $0 / 4 }
      let rest = zip(weights, quarter).map { $0 - $1 }
      let first = rebuilder.layer(like: node, weights: quarter, name: "quarter", keepsBias: false)
      let second = rebuilder.layer(like: node, weights: rest, name: "rest", keepsBias: true)
      return rebuilder.builder.node(Add(), first, second, name: "\(node.name)/whole")
    }
  }

  /// The graph with each layer before a Relu, where the layer reads what is not negative, rectified once
  /// before the negative weights have their say.
  ///
  ///     Relu(W h + b) = Relu(Relu(W⁺ h + b) - W⁻ h)     for h >= 0, W = W⁺ - W⁻
  ///
  /// If W⁺ h + b is negative, so is W h + b, since W⁻ h is not; else the inner Relu does nothing. This is what
  /// takes f = ReLU(ReLU(x1) - 1 - ReLU(x2)) to g = ReLU(ReLU(x1 - 1) - ReLU(x2)), the networks
  /// that Sundararajan et al. (2017) tell DeepLIFT and LRP from Integrated Gradients by.
  ///
  /// Law: the function is the same, and its gradient wherever there is one. For a graph that is not
  /// specialised.
  ///
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func rectifyingEarly() throws(ModelError) -> Graph {
    let isNotNegative = valuesThatAreNotNegative
    let consumers = consumers
    return try rewritingLayers { node, weights, rebuilder throws(ModelError) in
      let readers = consumers[node.outputs[0].index]
      guard !readers.isEmpty, !outputs.contains(node.outputs[0]),
        readers.allSatisfy({ nodes[$0].operation is Relu }),
        let input = node.inputs[0], isNotNegative[input.index]
      else { return nil }
      let speaking = rebuilder.layer(
        like: node, weights: weights.map { max($0, 0) }, name: "for", keepsBias: true)
      let early = rebuilder.builder.node(Relu(), speaking, name: "\(node.name)/early")
      let against = rebuilder.layer(
        like: node, weights: weights.map { max(-$0, 0) }, name: "against", keepsBias: false)
      return rebuilder.builder.node(Sub(), early, against, name: "\(node.name)/whole")
    }
  }

  /// Weights of more numbers are not copied.
  private static let largestWeights = 1 << 22

  /// The graph with other nodes in the place of layers: what `body` makes of a node and its weights; nil
  /// leaves the layer as it is.
  private func rewritingLayers(
    _ body: (Node, [Double], inout GraphRebuilder) throws(ModelError) -> Value?
  ) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    for node in nodes {
      if node.isLayer, let weights = node.inputs[1].flatMap({ storedConstant(of: $0) }),
        weights.elementType.isFloatingPoint, weights.elementCount <= Self.largestWeights,
        let value = try body(
          node, weights.converted(to: .float64).elements(as: Double.self), &rebuilder)
      {
        rebuilder.replace(node.outputs[0], by: value)
      } else {
        try rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }

  /// By value index, whether a Relu makes the value, or what only moves or pools what a Relu makes.
  private var valuesThatAreNotNegative: [Bool] {
    var result = [Bool](repeating: false, count: records.count)
    for node in nodes {
      let isKept = node.inputs.first.flatMap { $0.map { result[$0.index] } } ?? false
      let isNotNegative =
        switch node.operatorName {
        case "Relu", "Sigmoid", "Abs": true
        case "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Flatten", "Reshape",
          "Squeeze", "Unsqueeze", "Identity", "Dropout", "Transpose":
          isKept
        case "Concat", "Add", "Sum", "Max":
          node.inputs.allSatisfy { $0.map { result[$0.index] } ?? true }
        default: false
        }
      if isNotNegative { result[node.outputs[0].index] = true }
    }
    return result
  }
}

extension Node {
  /// Whether the node multiplies its first input by weights that are not negated.
  fileprivate var isLayer: Bool {
    guard inputs.count >= 2, inputs[0] != nil else { return false }
    return operation is Conv || operation is MatMul
      || (operation as? Gemm).map { $0.alpha > 0 } ?? false
  }
}

extension GraphRebuilder {
  /// A layer like another one with other weights.
  fileprivate mutating func layer(
    like node: Node, weights: [Double], name: String, keepsBias: Bool
  ) -> Value {
    guard let input = node.inputs[0], let old = node.inputs[1],
      let stored = source.storedConstant(of: old)
    else { preconditionFailure("'\(node.name)' has no weights") }
    // Narrower types would round what has to add up.
    let type = source.type(of: old)?.elementType ?? stored.elementType
    let matrix = builder.constant(
      Tensor(weights, shape: stored.shape).converted(to: type),
      name: "\(source.name(of: old))/\(name)")
    var inputs: [Value?] = [self(input), matrix]
    if keepsBias { inputs += node.inputs.dropFirst(2).map { $0.map { self($0) } } }
    let label = "\(node.name)/\(name)"
    return builder.appendUntyped(
      node.operation, inputs, name: label, outputNames: [label], attributes: node.attributes)[0]
  }
}
