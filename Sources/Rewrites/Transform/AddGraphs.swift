package import Graphs
import Operators

extension Graph {
  /// The sum of this graph and another one of as many inputs, which they share.
  ///
  /// Law: G(x) = F1(x) + F2(x). For graphs that are not specialised, of one output of one shape.
  ///
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func adding(_ other: Graph) throws(ModelError) -> Graph {
    var first = GraphRebuilder(self)
    for node in nodes { try first.copy(node) }
    let left = first(outputs[0])
    var second = GraphRebuilder(other, inputs: [])
    let shared = inputs.map { first($0) }
    second.builder = first.builder
    for (input, value) in zip(other.inputs, shared) { second.replace(input, by: value) }
    for node in other.nodes { try second.copy(node) }
    let right = second(other.outputs[0])
    let sum = second.builder.node(Add(), left, right, name: "sum of graphs")
    second.builder.setOutputs([sum])
    return second.builder.graph
  }
}
