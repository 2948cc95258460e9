package import Graphs

/// A graph in two parts: what does not depend on some of its inputs, and what does.
package struct HoistedGraph: Sendable {
  /// From the other inputs to the values that the varying part reads and, behind them, the outputs that
  /// do not vary.
  package let invariant: Graph
  /// From the varying inputs, and behind them those values, to the outputs that vary.
  package let varying: Graph
  /// How many values the varying part reads.
  package let crossingCount: Int
}

extension Graph {
  /// The graph cut so that what does not depend on some inputs can be computed once for many values of
  /// them.
  ///
  /// Law: the varying part applied to its inputs and to what the invariant part gives is the graph.
  /// Works on a specialised graph.
  ///
  /// - Parameter varyingInputs: the inputs that vary.
  package func hoistingInvariants(
    from varyingInputs: [Value]
  ) throws(ModelError) -> HoistedGraph {
    var depends = [Bool](repeating: false, count: records.count)
    for input in varyingInputs { depends[input.index] = true }
    for node in nodes
    where node.inputs.contains(where: { $0.map { depends[$0.index] } ?? false }) {
      for output in node.outputs { depends[output.index] = true }
    }
    let varyingNodes = nodes.filter { $0.outputs.contains { depends[$0.index] } }
    var isRead = [Bool](repeating: false, count: records.count)
    for output in outputs { isRead[output.index] = true }
    for node in varyingNodes {
      for case let value? in node.inputs { isRead[value.index] = true }
    }
    let crossing = values.filter {
      isRead[$0.index] && !depends[$0.index] && storedConstant(of: $0) == nil
    }
    let still = outputs.filter { !depends[$0.index] }
    var invariant = GraphRebuilder(
      self, inputs: inputs.filter { !varyingInputs.contains($0) })
    for node in nodes where !node.outputs.contains(where: { depends[$0.index] }) {
      try invariant.copy(node)
    }
    var varying = GraphRebuilder(self, inputs: varyingInputs + crossing)
    for node in varyingNodes { try varying.copy(node) }
    return HoistedGraph(
      invariant: invariant.finish(outputs: crossing + still).withoutDeadNodes(),
      varying: varying.finish(outputs: outputs.filter { !still.contains($0) }).withoutDeadNodes(),
      crossingCount: crossing.count)
  }
}
