import Kernels
package import Tensors

/// An operator of ONNX that says how a file spells it, where a rule and no file made it.
package protocol Spelled: Operator {
  /// The attributes in files of opset 17 and newer; nil where only the file that the operator was read
  /// from says them.
  var spelling: [String: AttributeValue]? { get }
}

/// An operator that a file cannot hold as it is: one of the domain `ascribe`, or one whose form
/// depends on the opset. Its rule says the same in operators of ONNX.
package protocol Lowerable: Operator {
  /// Appends nodes that a file of the context's opset can hold.
  ///
  /// - Returns: one value per output.
  /// - Throws: if no such nodes compute this.
  func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value]
}

extension Graph {
  /// The same function in operators of ONNX alone, each with the attributes that a file of `opset`
  /// spells.
  ///
  /// - Parameter opset: 17 or newer, and no older than that of this graph, which is specialised.
  /// - Throws: `ModelError` that names a node which no such file can hold.
  package func lowered(to opset: Int) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    rebuilder.builder.setOpset(opset)
    for node in nodes {
      do throws(OperatorError) {
        let inputs = node.inputs.map { $0.map { rebuilder($0) } }
        let outputs = try rebuilder.builder.appendLowered(
          node, inputs, readIn: self.opset, writtenIn: opset,
          outputNames: node.outputs.map { name(of: $0) })
        for (old, new) in zip(node.outputs, outputs) { rebuilder.replace(old, by: new) }
      } catch {
        throw ModelError(
          "it cannot be written in opset \(opset): \(error)", node: node.label(opset: self.opset))
      }
    }
    return rebuilder.finish()
  }
}

extension GraphBuilder {
  fileprivate mutating func appendLowered(
    _ node: Node, _ inputs: [Value?], readIn source: Int, writtenIn opset: Int,
    outputNames: [String]
  ) throws(OperatorError) -> [Value] {
    var context = LoweringContext(
      name: node.name, inputs: inputs, outputCount: node.outputs.count, opset: opset,
      builder: GraphBuilder())
    swap(&self, &context.builder)
    defer { swap(&self, &context.builder) }
    let operation = node.operation
    if let attributes = node.attributes, source == opset || !(operation is any Lowerable) {
      context.outputNames = outputNames
      return try context.write(type(of: operation), inputs, attributes)
    }
    return try context.express(operation, inputs)
  }
}

/// What a lowering rule sees: the operands of its node, the opset to write, and a builder to append to.
package struct LoweringContext {
  private let name: String
  /// The operands, in the new graph; nil where an optional one is left out.
  package private(set) var inputs: [Value?]
  /// How many outputs the node has.
  package private(set) var outputCount: Int
  /// The opset of the file that the nodes are for.
  package let opset: Int
  package var builder: GraphBuilder
  /// The names of the outputs of a node that is copied.
  fileprivate var outputNames: [String] = []

  fileprivate init(
    name: String, inputs: [Value?], outputCount: Int, opset: Int, builder: GraphBuilder
  ) {
    self.name = name
    self.inputs = inputs
    self.outputCount = outputCount
    self.opset = opset
    self.builder = builder
  }

  /// The operand at `index`, which the operator cannot do without.
  package func input(_ index: Int) throws(OperatorError) -> Value {
    guard let value = optionalInput(index) else { throw OperatorError("input \(index) is missing") }
    return value
  }

  /// The operand at `index`, where it is there.
  package func optionalInput(_ index: Int) -> Value? { index < inputs.count ? inputs[index] : nil }

  /// The type of a value.
  package func type(of value: Value) throws(OperatorError) -> TensorType {
    guard let type = builder.graph.type(of: value) else {
      throw OperatorError("'\(builder.graph.name(of: value))' has no type")
    }
    return type
  }

  /// The shape of a value.
  package func shape(of value: Value) throws(OperatorError) -> Shape {
    try type(of: value).shape
  }

  /// The operand at `index` as type inference sees it.
  package func operand(_ index: Int) -> Operand? {
    optionalInput(index).flatMap { builder.operand(of: $0) }
  }

  /// A constant scalar of the element type of `value`.
  package mutating func scalar(_ number: Double, like value: Value) throws(OperatorError) -> Value {
    constant(Tensor(scalar: number).converted(to: try type(of: value).elementType))
  }

  /// A constant vector of int64.
  package mutating func integers(_ numbers: [Int]) -> Value {
    constant(Tensor(numbers.map(Int64.init)))
  }

  /// A constant.
  package mutating func constant(_ tensor: Tensor) -> Value {
    builder.constant(tensor, name: "\(name)/constant")
  }

  /// Appends an operator of one output, in whatever nodes it takes.
  package mutating func append(
    _ operation: any Operator, _ operands: Value?...
  ) throws(OperatorError) -> Value {
    let kept = (inputs, outputCount)
    (inputs, outputCount) = (operands, 1)
    defer { (inputs, outputCount) = kept }
    return try express(operation, operands)[0]
  }

  /// Appends one node, read as an importer would read it from the file.
  ///
  /// - Throws: if the operator is none of the opset, or does not know an attribute there.
  package mutating func write(
    _ type: any Operator.Type, _ operands: [Value?], _ spelling: [String: AttributeValue],
    outputs count: Int? = nil
  ) throws(OperatorError) -> [Value] {
    let count = count ?? outputCount
    guard type.specification.domain.isEmpty else {
      throw OperatorError(
        "\(type.specification.name) has no rule that says it in operators of ONNX")
    }
    guard type.specification.opsets.contains(opset) else {
      throw OperatorError("\(type.specification.name) is no operator of that opset")
    }
    var attributes = Attributes(
      spelling, opset: opset, inputCount: operands.count, outputCount: count)
    let operation = try type.init(&attributes)
    if let name = attributes.untaken.first {
      throw OperatorError("\(type.specification.name) has no attribute '\(name)' there")
    }
    return try builder.append(
      operation, operands, name: name, outputNames: outputNames, attributes: spelling)
  }

  /// Appends an operator by its rule or its spelling.
  fileprivate mutating func express(
    _ operation: any Operator, _ operands: [Value?]
  ) throws(OperatorError) -> [Value] {
    if let operation = operation as? any Lowerable { return try operation.lowered(&self) }
    guard let spelling = (operation as? any Spelled)?.spelling else {
      let name = Swift.type(of: operation).specification.name
      throw OperatorError("\(name) does not say how a file spells it")
    }
    return try write(Swift.type(of: operation), operands, spelling)
  }
}
