package import Graphs
import Operators
import Tensors

extension Graph {
  /// The graph with bfloat16 between the operators that compute with it, convolutions and the
  /// gradients of Relu, and float32 everywhere else: half the memory to move and twice the products at a
  /// time, for three significant digits. Sums inside an operator stay float32.
  ///
  /// Law: every value is what it was, but for rounding; outputs are float32. For a fused graph in
  /// float32.
  ///
  /// - Parameter gradientsOnly: whether the forward pass stays float32, so that every Relu is open or
  ///   closed where it was.
  package func narrowed(gradientsOnly: Bool) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    var converted: [Value: Value] = [:]
    /// A value of the new graph in this precision.
    func made(_ type: ElementType, _ value: Value) throws(ModelError) -> Value {
      guard let known = rebuilder.builder.graph.type(of: value)?.elementType, known != type,
        known == .float32 || known == .bfloat16
      else { return value }
      if let other = converted[value] { return other }
      let name = "\(rebuilder.builder.graph.name(of: value)) as \(type)"
      let other = try rebuilder.append(ChangePrecision(to: type), value, name: name)
      converted[value] = other
      return other
    }
    for node in nodes {
      let given = node.inputs.map { $0.map { rebuilder($0) } }
      let isNarrow = given.map { value in
        value.flatMap { rebuilder.builder.graph.type(of: $0)?.elementType } == .bfloat16
      }
      let narrow = node.narrowInputs(isNarrow, gradientsOnly)
      var inputs: [Value?] = []
      for (index, value) in given.enumerated() {
        guard let value else {
          inputs.append(nil)
          continue
        }
        let keeps = node.operation is RecordSigns
        inputs.append(
          keeps ? value : try made(narrow.contains(index) ? .bfloat16 : .float32, value))
      }
      try rebuilder.put(
        node.operation, inputs, named: node.name, attributes: node.attributes, for: node)
    }
    var results: [Value] = []
    for output in outputs { results.append(try made(.float32, rebuilder(output))) }
    rebuilder.builder.setOutputs(results)
    return rebuilder.builder.graph.withoutDeadNodes()
  }
}

extension Node {
  /// The inputs that are bfloat16, given which of them are so already.
  fileprivate func narrowInputs(_ isNarrow: [Bool], _ gradientsOnly: Bool) -> Set<Int> {
    switch operation {
    case is ConvInputGradient: [0]
    case is Conv where !gradientsOnly: [0]
    case is FusedConvolution where !gradientsOnly: [0, 3]
    case is SignedSum: isNarrow.contains(true) ? Set(inputs.indices.dropFirst()) : []
    default: []
    }
  }
}
