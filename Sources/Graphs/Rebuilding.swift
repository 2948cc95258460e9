import Kernels

/// Copies a graph node by node into a builder, so that a pass can put other nodes in place of some.
///
/// Inputs, constants and outputs are carried over; a pass sees the values of the new graph only.
package struct GraphRebuilder {
  package var builder = GraphBuilder()
  /// The graph that is copied.
  package let source: Graph
  private var mapped: [Value?]

  /// A rebuilder that has copied the inputs of `source` and none of its nodes.
  ///
  /// - Parameter inputs: the values of `source` that are inputs of the new graph, in place of the
  ///   inputs that it has.
  package init(_ source: Graph, inputs: [Value]? = nil) {
    self.source = source
    self.mapped = Array(repeating: nil, count: source.records.count)
    builder.setOpset(source.opset)
    for input in inputs ?? source.inputs {
      let record = source.records[input.index]
      if let type = record.type {
        mapped[input.index] = builder.input(record.name, type)
      } else if let declared = record.declared {
        mapped[input.index] = builder.input(record.name, declared: declared)
      }
    }
  }

  /// The value of the new graph that stands for one of the old; constants are copied when first
  /// asked for.
  package mutating func callAsFunction(_ value: Value) -> Value {
    if let known = mapped[value.index] { return known }
    let record = source.records[value.index]
    guard let constant = record.constant else {
      preconditionFailure("'\(record.name)' is read before it is computed")
    }
    let copy = builder.constant(
      constant, name: record.name, elementType: record.type?.elementType)
    mapped[value.index] = copy
    return copy
  }

  /// Lets `replacement` stand for the value `old` from here on.
  package mutating func replace(_ old: Value, by replacement: Value) {
    mapped[old.index] = replacement
  }

  /// Whether a value of the old graph is a constant or has one in the new graph already.
  package func isKnown(_ value: Value) -> Bool {
    mapped[value.index] != nil || source.storedConstant(of: value) != nil
  }

  /// Copies a node as it is.
  package mutating func copy(_ node: Node) throws(ModelError) {
    let inputs = node.inputs.map { $0.map { self($0) } }
    try place(node.operation, inputs, named: node.name, node.attributes, for: node)
  }

  /// Puts an operator of the same outputs in the place of a node.
  ///
  /// - Parameter attributes: those of the operator as a file spells them, if it can be in a file.
  package mutating func put(
    _ operation: any Operator, _ inputs: [Value?], named name: String,
    attributes: [String: AttributeValue]? = nil, for node: Node
  ) throws(ModelError) {
    try place(operation, inputs, named: name, attributes, for: node)
  }

  /// Puts an operator of two outputs in the place of a node of one, which its first output stands for.
  ///
  /// - Returns: the second output.
  package mutating func putFirst(
    _ operation: any Operator, _ inputs: [Value?], for node: Node
  ) throws(ModelError) -> Value {
    do throws(OperatorError) {
      let outputs = try builder.append(
        operation, inputs, name: node.name, outputNames: [source.name(of: node.outputs[0])])
      replace(node.outputs[0], by: outputs[0])
      return outputs[1]
    } catch {
      throw ModelError(error, in: node, of: source)
    }
  }

  /// Appends a node of one output that stands for none of the old graph.
  ///
  /// - Parameters:
  ///   - inputs: values of the new graph.
  ///   - attributes: those of the operator as a file spells them, if it can be in a file.
  package mutating func append(
    _ operation: any Operator, _ inputs: Value?..., name: String,
    attributes: [String: AttributeValue]? = nil
  ) throws(ModelError) -> Value {
    try append(operation, operands: inputs, name: name, attributes: attributes)
  }

  /// Appends an operator of one output to the new graph.
  package mutating func append(
    _ operation: any Operator, operands inputs: [Value?], name: String,
    attributes: [String: AttributeValue]? = nil
  ) throws(ModelError) -> Value {
    do throws(OperatorError) {
      return try builder.append(operation, inputs, name: name, attributes: attributes)[0]
    } catch {
      throw ModelError(error.description, node: name)
    }
  }

  private mutating func place(
    _ operation: any Operator, _ inputs: [Value?], named name: String,
    _ attributes: [String: AttributeValue]?, for node: Node
  ) throws(ModelError) {
    let names = node.outputs.map { source.name(of: $0) }
    let outputs: [Value]
    if node.outputs.allSatisfy({ source.type(of: $0) != nil }) {
      do throws(OperatorError) {
        outputs = try builder.append(
          operation, inputs, name: name, outputNames: names, attributes: attributes)
      } catch {
        throw ModelError(error, in: node, of: source)
      }
    } else {
      outputs = builder.appendUntyped(
        operation, inputs, name: name, outputNames: names, attributes: attributes)
    }
    for (old, new) in zip(node.outputs, outputs) {
      replace(old, by: new)
      if let declared = source.declaredType(of: old) { builder.declare(declared, of: new) }
    }
  }

  /// The new graph, with the outputs of the old.
  package mutating func finish() -> Graph {
    finish(outputs: source.outputs)
  }

  /// The new graph, with these values of the old as outputs.
  package mutating func finish(outputs: [Value]) -> Graph {
    builder.setOutputs(outputs.map { self($0) })
    return builder.graph
  }
}
