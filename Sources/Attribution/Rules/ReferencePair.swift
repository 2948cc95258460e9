import Graphs

/// A graph and beside it a second one that computes the same of another input: a point and what it is
/// compared with, in one run.
///
/// Constants and what does not depend on the input are shared.
struct ReferencePair: Sendable {
  /// Inputs: those of the original and behind them the reference. Outputs: the first output at the
  /// point, and at the reference.
  let graph: Graph
  /// The input that is the point.
  let input: Value
  /// For each value computed from the point the one computed from the reference.
  private let values: [Value: Value]
  /// By the first output of a node at the point, the same node at the reference.
  private let nodes: [Value: Node]

  /// - Parameters:
  ///   - source: a specialised graph.
  ///   - input: the input that is doubled.
  init(_ source: Graph, of input: Value) throws(ModelError) {
    var rebuilder = GraphRebuilder(source)
    for node in source.nodes { try rebuilder.copy(node) }
    let originals = source.values.map { rebuilder.isKnown($0) ? rebuilder($0) : nil }
    guard let type = source.type(of: input) else {
      throw ModelError("'\(source.name(of: input))' has no type", kind: .fault)
    }
    self.input = rebuilder(input)
    let reference = rebuilder.builder.input("reference of \(source.name(of: input))", type)
    var depends = Set([input])
    var values: [Value: Value] = [rebuilder(input): reference]
    var nodes: [Value: Node] = [:]
    rebuilder.replace(input, by: reference)
    for node in source.nodes
    where node.inputs.contains(where: { $0.map(depends.contains) ?? false }) {
      try rebuilder.copy(node)
      for output in node.outputs {
        depends.insert(output)
        if let original = originals[output.index] { values[original] = rebuilder(output) }
      }
      if let original = originals[node.outputs[0].index] {
        nodes[original] = rebuilder.builder.graph.nodes.last
      }
    }
    let output = source.outputs[0]
    rebuilder.builder.setOutputs([originals[output.index] ?? self.input, rebuilder(output)])
    self.graph = rebuilder.builder.graph
    self.values = values
    self.nodes = nodes
  }

  /// What a value is at the reference.
  func reference(of value: Value) -> Value { values[value] ?? value }

  /// What a node is at the reference.
  func reference(of node: Node) -> Node { nodes[node.outputs[0]] ?? node }
}
