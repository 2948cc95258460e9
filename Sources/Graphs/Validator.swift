extension Graph {
  /// Checks that the graph is one: names are unique, each value is made once and before it is read,
  /// arities are the operators', and in a specialised graph the types are those that the operators
  /// infer.
  ///
  /// - Throws: `ModelError` that names the first node or value that breaks a rule.
  package func validate() throws(ModelError) {
    var names: Set<String> = []
    for record in records where !names.insert(record.name).inserted {
      throw ModelError("two values are named '\(record.name)'")
    }
    var isKnown = records.map { $0.constant != nil }
    for input in inputs { isKnown[input.index] = true }
    for node in nodes { try validate(node, &isKnown) }
    for output in outputs where !isKnown[output.index] {
      throw ModelError("output '\(name(of: output))' is never computed")
    }
  }

  private func validate(_ node: Node, _ isKnown: inout [Bool]) throws(ModelError) {
    let label = node.label(opset: opset)
    let specification = Swift.type(of: node.operation).specification
    guard specification.inputs.contains(node.inputs.count) else {
      throw ModelError("\(node.inputs.count) inputs are the wrong number", node: label)
    }
    guard specification.outputs.contains(node.outputs.count) else {
      throw ModelError("\(node.outputs.count) outputs are the wrong number", node: label)
    }
    for case let input? in node.inputs where !isKnown[input.index] {
      throw ModelError("'\(name(of: input))' is read before it is computed", node: label)
    }
    for output in node.outputs {
      guard !isKnown[output.index] else {
        throw ModelError("'\(name(of: output))' is computed twice", node: label)
      }
      isKnown[output.index] = true
    }
  }
}
