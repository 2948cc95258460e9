package import Graphs
import Operators

extension Graph {
  /// Takes maxima before negative ones are replaced by 0, so that gradients meet the Relu where there
  /// are fewer elements.
  ///
  ///     MaxPool(Relu(x)) = Relu(MaxPool(x))
  ///
  /// Nothing else may read Relu(x). For a graph whose gradient is taken; without one the Relu is best
  /// left behind its convolution.
  package func poolingBeforeRelu() throws(ModelError) -> Graph {
    var graph = self
    // Behind the Relu there may be another one.
    while let moved = try graph.poolingBeforeNextRelu() { graph = moved }
    return graph
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
