package import Graphs
import Operators
import Tensors

extension Graph {
  /// Folds each BatchNormalization into the convolution before it.
  ///
  ///     y = BatchNormalization(Conv(x, W, b), scale, B, mean, variance)
  ///     y = Conv(x, s W, s (b - mean) + B)          s = scale / sqrt(variance + epsilon)
  ///
  /// A pair is left alone if the convolution has other readers or is an output, if it is transposed
  /// (its weights have their output channels elsewhere), or if a parameter is not constant.
  package func foldingBatchNormalization() throws(ModelError) -> Graph {
    let foldings = batchNormalizationsAfterConvolutions()
    guard !foldings.isEmpty else { return self }
    let skipped = Set(foldings.values)
    var rebuilder = GraphRebuilder(self)
    for (index, node) in nodes.enumerated() where !skipped.contains(index) {
      guard let convolution = foldings[index].map({ nodes[$0] }),
        let normalization = node.operation as? BatchNormalization,
        let folded = fold(normalization, node, into: convolution)
      else {
        try rebuilder.copy(node)
        continue
      }
      let weights = rebuilder.builder.constant(
        folded.weights, name: "\(node.name)/weights", elementType: folded.elementType)
      let bias = rebuilder.builder.constant(
        folded.bias, name: "\(node.name)/bias", elementType: folded.elementType)
      let input = convolution.inputs[0].map { rebuilder($0) }
      try rebuilder.put(
        convolution.operation, [input, weights, bias], named: convolution.name,
        attributes: convolution.attributes, for: node)
    }
    return rebuilder.finish()
  }

  /// For each BatchNormalization that can be folded, the convolution that takes it.
  private func batchNormalizationsAfterConvolutions() -> [Int: Int] {
    let (producers, consumers) = (producers, consumers)
    var foldings: [Int: Int] = [:]
    for (index, node) in nodes.enumerated() where node.operation is BatchNormalization {
      guard let input = node.inputs[0], let source = producers[input.index],
        nodes[source].operation is Conv, consumers[input.index].count == 1,
        !outputs.contains(input), hasConstants(nodes[source], from: 1),
        hasConstants(node, from: 1)
      else { continue }
      foldings[index] = source
    }
    return foldings
  }

  private func hasConstants(_ node: Node, from first: Int) -> Bool {
    node.inputs.dropFirst(first).allSatisfy { $0.map { storedConstant(of: $0) != nil } ?? true }
  }

  /// A convolution's parameters after folding, and the element type that the graph computes them in.
  private struct Folded {
    let weights: Tensor
    let bias: Tensor
    let elementType: ElementType
  }

  private func fold(
    _ normalization: BatchNormalization, _ node: Node, into convolution: Node
  ) -> Folded? {
    let parameters = node.inputs.dropFirst().compactMap { $0.flatMap(doubles) }
    guard parameters.count == 4, let weightsValue = convolution.inputs[1],
      let stored = storedConstant(of: weightsValue), let elements = doubles(weightsValue)
    else { return nil }
    let (scale, shift, mean, variance) = (
      parameters[0], parameters[1], parameters[2], parameters[3]
    )
    let zeros = [Double](repeating: 0, count: scale.count)
    let bias = convolution.inputs.count > 2 ? convolution.inputs[2].flatMap(doubles) : nil
    let factors = scale.indices.map {
      scale[$0] / (variance[$0] + normalization.epsilon).squareRoot()
    }
    guard factors.allSatisfy(\.isFinite) else { return nil }
    let stride = elements.count / max(factors.count, 1)
    let scaled = elements.indices.map { elements[$0] * factors[$0 / stride] }
    let shifted = factors.indices.map {
      factors[$0] * ((bias ?? zeros)[$0] - mean[$0]) + shift[$0]
    }
    let computed = self.type(of: weightsValue)?.elementType ?? stored.elementType
    // A graph without types is a file's, whose constants keep the types that they have there.
    let type = type(of: node.outputs[0]) == nil ? stored.elementType : computed
    return Folded(
      weights: Tensor(scaled, shape: stored.shape).converted(to: type),
      bias: Tensor(shifted).converted(to: type), elementType: computed)
  }

  private func doubles(_ value: Value) -> [Double]? {
    storedConstant(of: value)?.converted(to: .float64).elements(as: Double.self)
  }
}
