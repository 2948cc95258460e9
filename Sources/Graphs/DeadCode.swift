extension Graph {
  /// The graph without the nodes and constants that no output depends on. Inputs stay.
  package func withoutDeadNodes() -> Graph {
    var isLive = [Bool](repeating: false, count: records.count)
    for value in outputs + inputs { isLive[value.index] = true }
    var kept: [Node] = []
    for node in nodes.reversed() where node.outputs.contains(where: { isLive[$0.index] }) {
      for value in node.inputs.compactMap(\.self) + node.outputs { isLive[value.index] = true }
      kept.append(node)
    }
    var renumbered = [Value](repeating: Value(index: 0), count: records.count)
    var graph = Graph()
    graph.opset = opset
    for (index, record) in records.enumerated() where isLive[index] {
      renumbered[index] = Value(index: graph.records.count)
      graph.records.append(record)
    }
    graph.inputs = inputs.map { renumbered[$0.index] }
    graph.outputs = outputs.map { renumbered[$0.index] }
    graph.nodes = kept.reversed().map { node in
      Node(
        name: node.name, operation: node.operation, attributes: node.attributes,
        inputs: node.inputs.map { $0.map { renumbered[$0.index] } },
        outputs: node.outputs.map { renumbered[$0.index] })
    }
    return graph
  }
}
