package import Graphs
import Operators

extension Graph {
  /// Takes maxima before negative ones are replaced by 0, so that gradients meet the Relu where there
  /// are fewer elements.
  ///
  ///     MaxPool(Relu(x)) = Relu(MaxPool(x))
  ///
  /// Nothing else may read Relu(x). Relus that are joined first, as by the Concat of a SqueezeNet, follow
  /// the join then. For a graph whose gradient is taken; without one the Relu is best left behind its
  /// convolution.
  package func poolingBeforeRelu() throws(ModelError) -> Graph {
    var graph = try joiningBeforeRelu()
    // Behind the Relu there may be another one.
    while let moved = try graph.poolingBeforeNextRelu() { graph = moved }
    return graph
  }

  /// The graph with one Relu behind each Concat of Relus that MaxPools alone read.
  private func joiningBeforeRelu() throws(ModelError) -> Graph {
    let (producers, consumers) = (producers, consumers)
    /// The Relus that a Concat joins.
    func rectifiers(of node: Node) -> [Int]? {
      let readers = consumers[node.outputs[0].index]
      guard node.operation is Concat, !readers.isEmpty, !outputs.contains(node.outputs[0]),
        readers.allSatisfy({ nodes[$0].operation is MaxPool })
      else { return nil }
      let sources = node.inputs.compactMap { value -> Int? in
        guard let value, consumers[value.index].count == 1, !outputs.contains(value),
          let producer = producers[value.index], nodes[producer].operation is Relu
        else { return nil }
        return producer
      }
      return sources.count == node.inputs.count ? sources : nil
    }
    let moved = Set(nodes.compactMap(rectifiers).joined())
    guard !moved.isEmpty else { return self }
    var rebuilder = GraphRebuilder(self)
    for (index, node) in nodes.enumerated() where !moved.contains(index) {
      guard let relus = rectifiers(of: node) else {
        try rebuilder.copy(node)
        continue
      }
      let joined = try rebuilder.append(
        node.operation, operands: relus.map { nodes[$0].inputs[0].map { rebuilder($0) } },
        name: node.name, attributes: node.attributes)
      try rebuilder.put(
        nodes[relus[0]].operation, [joined], named: nodes[relus[0]].name,
        attributes: nodes[relus[0]].attributes, for: node)
    }
    return rebuilder.finish()
  }

  /// The graph with each MaxPool before one Relu less; nil if none stands behind one.
  private func poolingBeforeNextRelu() throws(ModelError) -> Graph? {
    let (producers, consumers) = (producers, consumers)
    /// The Relu that a MaxPool alone reads.
    func rectifier(of node: Node) -> Int? {
      guard let pool = node.operation as? MaxPool, !pool.yieldsIndices, let y = node.inputs[0],
        consumers[y.index].count == 1, !outputs.contains(y), let producer = producers[y.index],
        nodes[producer].operation is Relu
      else { return nil }
      return producer
    }
    let moved = Set(nodes.compactMap(rectifier))
    guard !moved.isEmpty else { return nil }
    var rebuilder = GraphRebuilder(self)
    for (index, node) in nodes.enumerated() where !moved.contains(index) {
      guard let relu = rectifier(of: node), let x = nodes[relu].inputs[0] else {
        try rebuilder.copy(node)
        continue
      }
      let maxima = try rebuilder.append(
        node.operation, rebuilder(x), name: node.name, attributes: node.attributes)
      try rebuilder.put(
        nodes[relu].operation, [maxima], named: nodes[relu].name,
        attributes: nodes[relu].attributes, for: node)
    }
    return rebuilder.finish()
  }
}
