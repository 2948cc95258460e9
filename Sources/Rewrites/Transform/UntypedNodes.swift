import Graphs

extension GraphBuilder {
  /// Appends a node of one output to a graph that is not specialised.
  mutating func node(_ operation: any Operator, _ inputs: Value?..., name: String) -> Value {
    appendUntyped(operation, inputs, name: name, outputNames: [name], attributes: [:])[0]
  }
}
