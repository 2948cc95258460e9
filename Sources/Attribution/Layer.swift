package import Graphs

extension Graph {
  /// The value of a layer: the value of this name, or the first output of the node of this name.
  ///
  /// - Parameters:
  ///   - role: what messages call it.
  ///   - hint: what messages say besides.
  /// - Throws: `ModelError` with the nearest names if there is none, or if it is a constant.
  package func layer(
    named name: String, role: String = "layer", hint: String = ""
  ) throws(ModelError) -> Value {
    let node = nodes.first { $0.name == name }
    guard let value = value(named: name) ?? node?.outputs.first else {
      let known = nodes.flatMap { node in node.outputs.map { self.name(of: $0) } }
      throw ModelError(
        "the model has no \(role) '\(name)'"
          + Suggestion.text(for: name, among: known + nodes.map(\.name))
          + "\(hint); ascribe inspect --layers lists them", kind: .usage)
    }
    guard storedConstant(of: value) == nil else {
      throw ModelError("\(role) '\(name)' is a constant", kind: .usage)
    }
    return value
  }
}
