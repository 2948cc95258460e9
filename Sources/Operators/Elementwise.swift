package import Graphs
package import Kernels
package import Tensors

/// An operator without attributes that matter.
package protocol Attributeless: Spelled {
  init()
}

extension Attributeless {
  package var spelling: [String: AttributeValue]? { [:] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    self.init()
  }
}

extension Attributes {
  /// Takes what opset 1 says of reusing memory.
  mutating func ignoreLegacyHints() { ignore("consumed_inputs") }
}

extension Specification {
  /// An operator that ONNX has had since this opset.
  init(
    _ name: String, since opset: Int, inputs: ClosedRange<Int> = 1...1,
    outputs: ClosedRange<Int> = 1...1
  ) {
    self.init(name, opsets: opset...Self.newestOpset, inputs: inputs, outputs: outputs)
  }
}

extension Example {
  /// A function of one number at a few of them, differentiable there.
  init(
    _ description: String, attributes: [String: AttributeValue] = [:], at x: [Double],
    gives y: [Double]
  ) {
    self.init(
      description, attributes: attributes, inputs: [Tensor(x)], outputs: [Tensor(y)],
      differentiable: [0])
  }

  /// A function of one number at places where it has no derivative, or a derivative of zero.
  init(
    _ description: String, attributes: [String: AttributeValue] = [:], only x: [Double],
    gives y: [Double]
  ) {
    self.init(description, attributes: attributes, inputs: [Tensor(x)], outputs: [Tensor(y)])
  }
}

/// An operator that applies one function of one number to every element.
///
/// Its file states the function, the derivative and how it scales; types, layouts and the chain
/// rule are the same for all and stand here.
package protocol ElementwiseUnary: Operator {
  /// What is applied.
  var function: UnaryFunction { get }

  /// The gradient of the input from that of the output; nil where the derivative is zero almost
  /// everywhere.
  func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula?
}

extension ElementwiseUnary {
  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard function.isDefined(for: x.elementType) else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.apply(function, try inputs.required(0))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (x, y) = (Formula(try context.input(0)), Formula(context.output()))
    let dy = try context.outputGradient()
    return [try context.appendIfWanted(gradient(x, y, Formula(dy)), 0, dy)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    let name = Self.specification.name
    return try inputs.constantDegree(or: "\(name)(ax) is not a power of a times \(name)(x)")
  }
}

/// An operator that applies one function of two numbers to operands stretched to one shape.
package protocol ElementwiseBinary: Attributeless {
  /// How opsets before 7 line up the second operand with the first; nil where attributes say it.
  static var legacyAlignment: LegacyAlignment? { get }

  /// The type of the result for operands of these types.
  func resultType(_ a: ElementType, _ b: ElementType) throws(OperatorError) -> ElementType

  /// The elements of the result.
  func compute(_ a: Tensor, _ b: Tensor, in workspace: Workspace) throws(OperatorError) -> Tensor

  /// The gradients of both operands in the shape of the result; nil where there is none on purpose.
  func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?)
}

extension ElementwiseBinary {
  package static var legacyAlignment: LegacyAlignment? { nil }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw OperatorError("\(a.shape) and \(b.shape) do not broadcast")
    }
    return [TensorType(try resultType(a.elementType, b.elementType), shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try compute(try inputs.required(0), try inputs.required(1), in: workspace)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, b) = (Formula(try context.input(0)), Formula(try context.input(1)))
    let dy = try context.outputGradient()
    let rules = gradients(a, b, Formula(context.output()), Formula(dy))
    return [
      try context.appendIfWanted(rules.a, 0, dy), try context.appendIfWanted(rules.b, 1, dy),
    ]
  }
}

extension GradientContext {
  /// The value of the rule for input `index`, or nil if that is not asked for.
  mutating func appendIfWanted(
    _ rule: Formula?, _ index: Int, _ dy: Value
  ) throws(OperatorError) -> Value? {
    guard let rule, wants(index) else { return nil }
    return try append(rule, numbersLike: dy)
  }
}

/// An elementwise operator whose operands and result have one type and that keeps layouts.
package protocol ElementwiseArithmetic: ElementwiseBinary {
  /// What is applied.
  var function: BinaryFunction { get }
}

extension ElementwiseArithmetic {
  package var acceptsAnyLayout: Bool { true }

  package func resultType(_ a: ElementType, _ b: ElementType) throws(OperatorError) -> ElementType {
    guard a == b else { throw OperatorError("operands are \(a) and \(b)") }
    guard function.isDefined(for: a) else {
      throw OperatorError("the operator is not defined for \(a)")
    }
    return a
  }

  package func compute(
    _ a: Tensor, _ b: Tensor, in workspace: Workspace
  ) throws(OperatorError) -> Tensor {
    try workspace.apply(function, a, b)
  }
}
