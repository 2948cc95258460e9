import Kernels
package import Tensors

/// Appends inputs, constants and nodes to a graph and gives it back whole.
///
/// Every node is typed as it is appended if the types of its inputs are known, so a mistake is
/// found where it is made.
package struct GraphBuilder {
  package private(set) var graph: Graph
  private var usedNames: Set<String>

  /// A builder of an empty graph, or one that goes on with `graph`.
  package init(_ graph: Graph = Graph()) {
    self.graph = graph
    self.usedNames = Set(graph.records.map(\.name))
  }

  /// An input of the graph whose type is declared but may be open.
  package mutating func input(_ name: String, declared: DeclaredType) -> Value {
    let value = record(name, type: nil, declared: declared)
    graph.inputs.append(value)
    return value
  }

  /// An input of the graph of a concrete type.
  package mutating func input(_ name: String, _ type: TensorType) -> Value {
    let dimensions = type.shape.map(Dimension.fixed)
    let value = record(name, type: type, declared: DeclaredType(type.elementType, dimensions))
    graph.inputs.append(value)
    return value
  }

  /// A constant, computed with as `elementType`; the tensor's own unless another is given.
  package mutating func constant(
    _ tensor: Tensor, name: String = "constant", elementType: ElementType? = nil
  ) -> Value {
    let type = TensorType(elementType ?? tensor.elementType, tensor.shape)
    let value = record(name, type: type)
    graph.records[value.index].constant = tensor
    return value
  }

  /// A node whose output types follow from those of its inputs.
  ///
  /// - Throws: `OperatorError` if the operator refuses the inputs or an output is too large.
  package mutating func append(
    _ operation: any Operator, _ inputs: [Value?], name: String? = nil, outputNames: [String] = [],
    attributes: [String: AttributeValue]? = nil
  ) throws(OperatorError) -> [Value] {
    let types = try operation.infer(inputs.map { $0.flatMap(operand) })
    for type in types { _ = try type.checkedByteCount() }
    return place(
      operation, inputs, types: types, name: name, outputNames: outputNames, attributes)
  }

  /// A node of one output.
  package mutating func append(
    _ operation: any Operator, _ inputs: Value?..., name: String? = nil
  ) throws(OperatorError) -> Value {
    try append(operation, inputs, name: name, outputNames: [])[0]
  }

  /// A node whose types are not known yet, as the importer makes it.
  package mutating func appendUntyped(
    _ operation: any Operator, _ inputs: [Value?], name: String, outputNames: [String],
    attributes: [String: AttributeValue]? = nil
  ) -> [Value] {
    place(
      operation, inputs, types: outputNames.map { _ in nil }, name: name, outputNames: outputNames,
      attributes)
  }

  /// Lets another value have the name of this one, which nothing will read.
  package mutating func freeName(of value: Value) {
    let name = graph.records[value.index].name
    usedNames.remove(name)
    graph.records[value.index].name = unique(name + "/unread")
  }

  /// Marks values as the outputs of the graph, in this order.
  package mutating func setOutputs(_ outputs: [Value]) { graph.outputs = outputs }

  /// Notes what the file declares of a value.
  package mutating func declare(_ type: DeclaredType, of value: Value) {
    graph.records[value.index].declared = type
  }

  /// Notes the opset that the model was written for.
  package mutating func setOpset(_ opset: Int) { graph.opset = opset }

  /// The type and content of a value, where they are known.
  package func operand(of value: Value) -> Operand? {
    guard let type = graph.type(of: value) else { return nil }
    let constant = type.elementType.isInteger || type.elementType == .bool || type.shape.isEmpty
    return Operand(
      type, constant: constant ? graph.constant(of: value) : graph.storedConstant(of: value))
  }

  private mutating func place(
    _ operation: any Operator, _ inputs: [Value?], types: [TensorType?], name: String?,
    outputNames: [String], _ attributes: [String: AttributeValue]?
  ) -> [Value] {
    let name = name ?? type(of: operation).specification.name
    let outputs = types.enumerated().map { index, type in
      record(index < outputNames.count ? outputNames[index] : name, type: type)
    }
    graph.nodes.append(
      Node(
        name: name, operation: operation, attributes: attributes, inputs: inputs, outputs: outputs))
    return outputs
  }

  private mutating func record(
    _ name: String, type: TensorType?, declared: DeclaredType? = nil
  ) -> Value {
    graph.records.append(
      Graph.Record(name: unique(name), type: type, declared: declared, constant: nil))
    return Value(index: graph.records.count - 1)
  }

  private mutating func unique(_ name: String) -> String {
    var candidate = name.isEmpty ? "value" : name
    var suffix = 1
    while !usedNames.insert(candidate).inserted {
      suffix += 1
      candidate = "\(name)_\(suffix)"
    }
    return candidate
  }
}
