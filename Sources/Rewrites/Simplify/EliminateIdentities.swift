package import Graphs

extension Graph {
  /// Removes nodes whose first output is their first input: Identity, and Dropout at inference.
  ///
  /// A node stays if another of its outputs is read, or if it makes an output of the graph, whose
  /// name must not change.
  package func eliminatingIdentities() throws(ModelError) -> Graph {
    let consumers = consumers
    var rebuilder = GraphRebuilder(self)
    for node in nodes {
      let isIdentity = node.operatorName == "Identity" || node.operatorName == "Dropout"
      let isRead = node.outputs.dropFirst().contains { !consumers[$0.index].isEmpty }
      guard isIdentity, !isRead, !node.outputs.contains(where: outputs.contains),
        let input = node.inputs.first ?? nil
      else {
        try rebuilder.copy(node)
        continue
      }
      rebuilder.replace(node.outputs[0], by: rebuilder(input))
    }
    return rebuilder.finish()
  }
}
