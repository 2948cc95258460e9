package import Tensors

extension Graph {
  /// The graph with other contents for the constants of these names; everything else is kept.
  ///
  /// Contents are stored in the element type that the constant has.
  ///
  /// - Throws: `ModelError` if a name is none of a constant, or its shape differs.
  package func replacingConstants(_ contents: [String: Tensor]) throws(ModelError) -> Graph {
    var graph = self
    var missing = Set(contents.keys)
    for index in graph.records.indices {
      let name = graph.records[index].name
      guard let content = contents[name], let old = graph.records[index].constant else { continue }
      guard content.shape == old.shape else {
        throw ModelError("constant '\(name)' is \(old.shape), not \(content.shape)")
      }
      graph.records[index].constant = content.converted(to: old.elementType)
      missing.remove(name)
    }
    guard missing.isEmpty else {
      throw ModelError("the model has no constant '\(missing.min() ?? "")'")
    }
    return graph
  }
}
