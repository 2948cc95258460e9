package import Kernels
package import Tensors

extension Graph {
  /// The graph with concrete types for inputs of these shapes: every value typed, and what follows
  /// from constants and shapes alone computed.
  ///
  /// - Parameters:
  ///   - shapes: one shape per input, in order.
  ///   - contents: inputs whose elements are known too, such as the target shape of a Reshape. They
  ///     stay inputs but are read as constants.
  /// - Throws: `ModelError` that names the input that does not fit or the node that refuses.
  package func specialized(
    to shapes: [Shape], knowing contents: [Value: Tensor] = [:], in workspace: Workspace
  ) throws(ModelError) -> Graph {
    guard shapes.count == inputs.count else {
      throw ModelError(
        "the model has \(inputs.count) inputs, \(shapes.count) were given", kind: .usage)
    }
    var specialization = Specialization(self, workspace)
    for (input, shape) in zip(inputs, shapes) {
      try specialization.bind(input, to: shape, content: contents[input])
    }
    for node in nodes { try specialization.add(node) }
    return try specialization.finish()
  }
}

extension Graph {
  /// The graph for these inputs: for their shapes alone if that is enough to type every value, else
  /// for the elements of scalars and integers among them as well.
  ///
  /// - Returns: the graph, and whether it serves other inputs of the same shapes.
  /// - Throws: `ModelError` that names the node whose output shape depends on other elements.
  package func specialized(
    for tensors: [Tensor], in workspace: Workspace
  ) throws(ModelError) -> (graph: Graph, isGeneral: Bool) {
    let shapes = tensors.map(\.shape)
    let small = zip(inputs, tensors).filter { !$1.elementType.isFloatingPoint || $1.shape.isEmpty }
    do throws(ModelError) {
      return (try specialized(to: shapes, in: workspace), true)
    } catch  where !small.isEmpty {
      let contents = Dictionary(uniqueKeysWithValues: small.map { ($0, $1) })
      return (try specialized(to: shapes, knowing: contents, in: workspace), false)
    }
  }
}

private struct Specialization {
  private let source: Graph
  private let workspace: Workspace
  private var builder = GraphBuilder()
  private var mapped: [Value?]

  /// No folded constant may be larger than this: a small file must not ask for a huge one.
  private static let foldingLimit = 1 << 28

  init(_ source: Graph, _ workspace: Workspace) {
    self.source = source
    self.workspace = workspace
    self.mapped = Array(repeating: nil, count: source.records.count)
    builder.setOpset(source.opset)
  }

  mutating func bind(
    _ input: Value, to shape: Shape, content: Tensor?
  ) throws(ModelError) {
    guard let declared = source.declaredType(of: input) else {
      throw ModelError("input '\(source.name(of: input))' has no type")
    }
    if let dimensions = declared.dimensions, dimensions.count != shape.rank {
      throw ModelError(
        "input '\(source.name(of: input))' takes \(declared), not rank \(shape.rank) (\(shape))")
    }
    let value = builder.input(source.name(of: input), TensorType(declared.elementType, shape))
    mapped[input.index] = value
    if let content {
      mapped[input.index] = builder.constant(content, elementType: declared.elementType)
    }
  }

  mutating func add(_ node: Node) throws(ModelError) {
    let inputs = node.inputs.map { $0.map { self.value($0) } }
    do throws(OperatorError) {
      let outputs = try builder.append(
        node.operation, inputs, name: node.name,
        outputNames: node.outputs.map { source.name(of: $0) }, attributes: node.attributes)
      for (old, new) in zip(node.outputs, outputs) { mapped[old.index] = new }
      if let folded = try fold(node, inputs, outputs) {
        for output in outputs { builder.freeName(of: output) }
        for (old, tensor) in zip(node.outputs, folded) {
          mapped[old.index] = builder.constant(tensor, name: source.name(of: old))
        }
      }
    } catch {
      throw ModelError(error, in: typed(node, inputs), of: builder.graph)
    }
  }

  mutating func finish() throws(ModelError) -> Graph {
    builder.setOutputs(source.outputs.map { value($0) })
    return builder.graph.withoutDeadNodes()
  }

  private mutating func value(_ old: Value) -> Value {
    if let known = mapped[old.index] { return known }
    let record = source.records[old.index]
    guard let constant = record.constant else {
      preconditionFailure("'\(record.name)' is read before it is computed")
    }
    let copy = builder.constant(
      constant, name: record.name, elementType: record.type?.elementType)
    mapped[old.index] = copy
    return copy
  }

  /// The outputs of a node that depends on constants alone, or on shapes alone.
  private func fold(
    _ node: Node, _ inputs: [Value?], _ outputs: [Value]
  ) throws(OperatorError) -> [Tensor]? {
    let bytes = outputs.compactMap { builder.graph.type(of: $0) }
      .reduce(0) { $0 + $1.shape.elementCount * $1.elementType.size }
    guard bytes <= Self.foldingLimit else { return nil }
    if let operation = node.operation as? any ShapeOperator {
      let shapes = inputs.map { $0.flatMap { builder.graph.type(of: $0)?.shape } }
      return try operation.evaluate(shapes)
    }
    var constants: [Tensor?] = []
    for input in inputs {
      guard let input else {
        constants.append(nil)
        continue
      }
      guard let constant = builder.graph.constant(of: input) else { return nil }
      constants.append(constant)
    }
    return try node.operation.forward(constants, in: workspace).map { workspace.rowMajor($0) }
  }

  private func typed(_ node: Node, _ inputs: [Value?]) -> Node {
    Node(
      name: node.name, operation: node.operation, attributes: nil, inputs: inputs, outputs: [])
  }
}

/// An operator whose outputs follow from the shapes of its inputs, such as `Shape`.
package protocol ShapeOperator: Operator {
  /// The outputs for inputs of these shapes.
  func evaluate(_ shapes: [Shape?]) throws(OperatorError) -> [Tensor]
}
