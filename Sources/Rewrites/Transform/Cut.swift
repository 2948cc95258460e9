package import Graphs

extension Graph {
  /// The graph in which `value` is no longer computed but given: a new last input of its name.
  ///
  /// Law: with what the original computes for `value` as the new input, all outputs are the
  /// original's. Attribution to an inner value is attribution to the input of such a graph.
  ///
  /// - Parameter declared: the type of the new input, its batch dimension open if the model's is; in
  ///   a specialised graph it keeps the type that it has.
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func cut(at value: Value, declared: DeclaredType) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    let name = name(of: value)
    if inputs.contains(value) { rebuilder.builder.freeName(of: rebuilder(value)) }
    let input =
      type(of: value).map { rebuilder.builder.input(name, $0) }
      ?? rebuilder.builder.input(name, declared: declared)
    rebuilder.replace(value, by: input)
    for node in nodes where !node.outputs.contains(value) { try rebuilder.copy(node) }
    return rebuilder.finish().withoutDeadNodes()
  }
}
