package import Graphs
package import Kernels
import Operators
import Tensors

/// A model before and after its biases were removed.
package struct BiasStripping: Sendable {
  /// The model with BatchNormalization folded into convolutions: the same function as the original.
  package let reference: Graph
  /// `reference` without the biases; values keep their names.
  package let graph: Graph
  /// How many BatchNormalization nodes were folded.
  package let foldedCount: Int
  /// What was removed.
  package let removed: [Bias]
  /// What adds a constant but may be no bias, and was left.
  package let kept: [Bias]
}

extension Graph {
  /// The model without the constants that it adds on the way from its inputs to its outputs.
  ///
  /// Law: where nothing else breaks homogeneity, F(ax) = a^k F(x) for every a > 0. The graph is one
  /// that is not specialised, as the importer makes it.
  ///
  /// - Parameter named: constants, or nodes, that are stripped although they may be no biases.
  /// - Throws: `ModelError` if the shapes of the model cannot be found, if a name is none of a constant
  ///   that is added, or if a bias cannot be taken out.
  package func strippingBiases(
    alsoNamed named: Set<String> = [], in workspace: Workspace
  ) throws(ModelError) -> BiasStripping {
    // Checks the operands of every node, which the passes below rely on.
    let original = try specializedToDefaults(in: workspace).biases
    let isMeant = { (bias: Bias) in
      bias.doubt == nil || named.contains(bias.name) || named.contains(bias.node)
    }
    guard original.contains(where: isMeant) else {
      try requireKnown(named, among: original)
      return BiasStripping(
        reference: self, graph: self, foldedCount: 0, removed: [], kept: original)
    }
    let parameters = try foldingParameters(in: workspace)
    let reference = try parameters.foldingBatchNormalization().withoutDeadNodes()
    let typed = try reference.specializedToDefaults(in: workspace)
    let biases = typed.biases
    try requireKnown(named, among: biases)
    let removed = biases.filter(isMeant)
    return BiasStripping(
      reference: reference, graph: try reference.removing(removed, typed: typed),
      foldedCount: parameters.nodes.count - reference.nodes.count, removed: removed,
      kept: biases.filter { !isMeant($0) })
  }

  private func requireKnown(_ named: Set<String>, among biases: [Bias]) throws(ModelError) {
    let known = Set(biases.flatMap { [$0.name, $0.node] })
    guard let unknown = named.subtracting(known).min() else { return }
    throw ModelError(
      "the model adds no constant '\(unknown)'; without --also every constant in doubt is listed",
      kind: .usage)
  }

  private func removing(_ biases: [Bias], typed: Graph) throws(ModelError) -> Graph {
    let places = Dictionary(grouping: biases, by: \.output).mapValues { Set($0.map(\.place)) }
    let values = Dictionary(uniqueKeysWithValues: typed.values.map { (typed.name(of: $0), $0) })
    var rebuilder = GraphRebuilder(self)
    for node in nodes {
      guard let places = places[name(of: node.outputs[0])] else {
        try rebuilder.copy(node)
        continue
      }
      let rest = node.inputs.indices.filter { !places.contains($0) }.compactMap { node.inputs[$0] }
      let types = (rest + [node.outputs[0]]).map { value in
        values[name(of: value)].flatMap { typed.type(of: $0) }
      }
      try strip(node, of: places, rest, keepsShape: types.first == types.last, &rebuilder)
    }
    return rebuilder.finish().withoutDeadNodes()
  }

  /// Puts the node without the inputs at these places, where `rest` is what it keeps and its first
  /// has, or has not, the shape of the output.
  private func strip(
    _ node: Node, of places: Set<Int>, _ rest: [Value], keepsShape: Bool,
    _ rebuilder: inout GraphRebuilder
  ) throws(ModelError) {
    switch node.operatorName {
    case "Conv", "ConvTranspose", "LayerNormalization":
      try put(node, node.inputs.enumerated().map { places.contains($0) ? nil : $1 }, &rebuilder)
    case "Gemm" where opset >= 11:
      try put(node, node.inputs.enumerated().map { places.contains($0) ? nil : $1 }, &rebuilder)
    case "Add" where keepsShape && rest.count == 1, "Sum" where keepsShape && rest.count == 1,
      "Sub" where keepsShape && places == [1]:
      try pass(rest[0], for: node, &rebuilder)
    case "Sum" where keepsShape && !rest.isEmpty:
      try put(node, rest, &rebuilder)
    default:
      try zero(node, places, &rebuilder)
    }
  }

  private func put(
    _ node: Node, _ inputs: [Value?], _ rebuilder: inout GraphRebuilder
  ) throws(ModelError) {
    var inputs = inputs
    while inputs.last == .some(nil) { inputs.removeLast() }
    try rebuilder.put(
      node.operation, inputs.map { $0.map { rebuilder($0) } }, named: node.name,
      attributes: node.attributes, for: node)
  }

  /// Lets `input` stand for the output of a node; an output of the graph keeps its name.
  private func pass(
    _ input: Value, for node: Node, _ rebuilder: inout GraphRebuilder
  ) throws(ModelError) {
    if outputs.contains(node.outputs[0]) {
      try rebuilder.put(
        Identity(), [rebuilder(input)], named: node.name, attributes: [:], for: node)
    } else {
      rebuilder.replace(node.outputs[0], by: rebuilder(input))
    }
  }

  /// Puts zeros in the place of constants that the operator cannot do without.
  private func zero(
    _ node: Node, _ places: Set<Int>, _ rebuilder: inout GraphRebuilder
  ) throws(ModelError) {
    var inputs = node.inputs.map { $0.map { rebuilder($0) } }
    for place in places.sorted() {
      guard let value = node.inputs[place], let constant = storedConstant(of: value) else {
        throw ModelError(
          "the shape of what it adds depends on the model's input, so it cannot be stripped",
          node: node.label(opset: opset))
      }
      let zeros = Tensor(repeating: 0.0, shape: constant.shape).converted(to: constant.elementType)
      inputs[place] = rebuilder.builder.constant(
        zeros, name: "\(name(of: value))/zero", elementType: type(of: value)?.elementType)
    }
    try rebuilder.put(
      node.operation, inputs, named: node.name, attributes: node.attributes, for: node)
  }
}
