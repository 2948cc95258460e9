import Graphs
import Operators
import Tensors

extension Graph {
  /// Weights of more numbers are not copied.
  private static let largestWeights = 1 << 22

  /// The graph with other nodes in the place of layers: what `body` makes of a node and its weights; nil
  /// leaves the layer as it is.
  func rewritingLayers(
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
  mutating func layer(
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
