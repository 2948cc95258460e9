extension Graph {
  /// The graph as text, one value or node a line: what golden tests compare and `--dump` prints.
  package func dump() -> String {
    var lines: [String] = []
    for input in inputs { lines.append("input \(label(input))") }
    for value in values where storedConstant(of: value) != nil {
      lines.append("constant \(label(value))")
    }
    for node in nodes {
      let operands = node.inputs.map { $0.map { name(of: $0) } ?? "_" }
      let results = node.outputs.map(label).joined(separator: ", ")
      lines.append("\(results) = \(node.operatorName)(\(operands.joined(separator: ", ")))")
    }
    lines.append("output " + outputs.map { name(of: $0) }.joined(separator: ", "))
    return lines.joined(separator: "\n")
  }

  private func label(_ value: Value) -> String {
    let type = type(of: value)?.description ?? declaredType(of: value)?.description
    return type.map { "\(name(of: value)): \($0)" } ?? name(of: value)
  }
}
