package import Tensors

/// A handle of one value in one graph: an input, a constant, or the output of a node.
package struct Value: Hashable, Sendable {
  package let index: Int
}

/// An operator applied to values.
package struct Node: Sendable {
  /// The name in the model file; made up where the file gives none.
  package let name: String
  package let operation: any Operator
  /// The attributes as a file spells them; nil for a node that no file can hold.
  package let attributes: [String: AttributeValue]?
  /// One value per input; nil where an optional one is left out.
  package let inputs: [Value?]
  package let outputs: [Value]

  /// The operator's name, such as `Conv`.
  package var operatorName: String { type(of: operation).specification.name }

  /// The same node with other values.
  package func reading(_ inputs: [Value?], giving outputs: [Value]) -> Node {
    Node(
      name: name, operation: operation, attributes: attributes, inputs: inputs, outputs: outputs)
  }
}

/// A model as a directed acyclic graph: nodes in an order in which each reads only what stands
/// before it.
///
/// A graph comes from the importer with the types of its inputs only. `specialized` gives every
/// value a concrete type; gradients, fusions and the interpreter work on such graphs.
package struct Graph: Sendable {
  /// What is known of a value.
  package struct Record: Sendable {
    package var name: String
    package var type: TensorType?
    package var declared: DeclaredType?
    package var constant: Tensor?
  }

  package internal(set) var records: [Record] = []
  package internal(set) var nodes: [Node] = []
  package internal(set) var inputs: [Value] = []
  package internal(set) var outputs: [Value] = []
  /// The opset of the default domain that the model was written for.
  package var opset = Specification.newestOpset

  package init() {}

  /// The name of a value.
  package func name(of value: Value) -> String { records[value.index].name }

  /// The type of a value in a specialised graph; nil before.
  package func type(of value: Value) -> TensorType? { records[value.index].type }

  /// What the file declares of an input or output.
  package func declaredType(of value: Value) -> DeclaredType? { records[value.index].declared }

  /// The content of a constant as the file holds it; its element type may be narrower than the one
  /// that the graph computes in.
  package func storedConstant(of value: Value) -> Tensor? { records[value.index].constant }

  /// The content of a constant in the element type that the graph computes in.
  package func constant(of value: Value) -> Tensor? {
    let record = records[value.index]
    guard let constant = record.constant, let type = record.type else { return record.constant }
    return constant.converted(to: type.elementType)
  }

  /// The value with this name.
  package func value(named name: String) -> Value? {
    records.firstIndex { $0.name == name }.map(Value.init)
  }

  /// All values, in the order in which they were made.
  package var values: some Sequence<Value> { records.indices.lazy.map(Value.init) }

  /// For each value by its index, the index of the node that computes it.
  package var producers: [Int?] {
    var producers = [Int?](repeating: nil, count: records.count)
    for (index, node) in nodes.enumerated() {
      for output in node.outputs { producers[output.index] = index }
    }
    return producers
  }

  /// For each value by its index, the nodes that read it.
  package var consumers: [[Int]] {
    var consumers = [[Int]](repeating: [], count: records.count)
    for (index, node) in nodes.enumerated() {
      for case let input? in node.inputs { consumers[input.index].append(index) }
    }
    return consumers
  }

  /// Whether a value is computed from another, or is the other.
  package func depends(_ value: Value, on root: Value) -> Bool {
    var depends = [Bool](repeating: false, count: records.count)
    depends[root.index] = true
    for node in nodes
    where node.inputs.contains(where: { $0.map { depends[$0.index] } ?? false }) {
      for output in node.outputs { depends[output.index] = true }
    }
    return depends[value.index]
  }
}
