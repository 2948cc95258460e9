package import Graphs
package import Kernels
package import Tensors

/// An operator on bits or truth values: it carries no gradient, and scaling means nothing to it.
package protocol LogicalOperator: ElementwiseArithmetic {}

extension LogicalOperator {
  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (nil, nil)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    let name = Self.specification.name
    return try inputs.constantDegree(or: "\(name) reads values that depend on the model's input")
  }
}

/// Whether both operands are true.
///
/// <https://onnx.ai/onnx/operators/onnx__And.html>.
package struct And: LogicalOperator {
  package static let specification = Specification("And", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "all four cases",
      inputs: [Tensor([false, false, true, true]), Tensor([false, true, false, true])],
      outputs: [Tensor([false, false, false, true])])
  ]

  package init() {}
  package var function: BinaryFunction { .logicalAnd }
}

/// Whether one operand is true, or both.
///
/// <https://onnx.ai/onnx/operators/onnx__Or.html>.
package struct Or: LogicalOperator {
  package static let specification = Specification("Or", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "all four cases",
      inputs: [Tensor([false, false, true, true]), Tensor([false, true, false, true])],
      outputs: [Tensor([false, true, true, true])])
  ]

  package init() {}
  package var function: BinaryFunction { .logicalOr }
}

/// Whether exactly one operand is true.
///
/// <https://onnx.ai/onnx/operators/onnx__Xor.html>.
package struct Xor: LogicalOperator {
  package static let specification = Specification("Xor", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "all four cases",
      inputs: [Tensor([false, false, true, true]), Tensor([false, true, false, true])],
      outputs: [Tensor([false, true, true, false])])
  ]

  package init() {}
  package var function: BinaryFunction { .logicalXor }
}

/// The bits that both operands have.
///
/// <https://onnx.ai/onnx/operators/onnx__BitwiseAnd.html>.
package struct BitwiseAnd: LogicalOperator {
  package static let specification = Specification("BitwiseAnd", since: 18, inputs: 2...2)
  package static let examples = [
    Example(
      "four bits", inputs: [Tensor([12 as UInt8, 5]), Tensor([10 as UInt8, 3])],
      outputs: [Tensor([8 as UInt8, 1])])
  ]

  package init() {}
  package var function: BinaryFunction { .bitwiseAnd }
}

/// The bits that one operand has, or both.
///
/// <https://onnx.ai/onnx/operators/onnx__BitwiseOr.html>.
package struct BitwiseOr: LogicalOperator {
  package static let specification = Specification("BitwiseOr", since: 18, inputs: 2...2)
  package static let examples = [
    Example(
      "four bits", inputs: [Tensor([12 as UInt8, 5]), Tensor([10 as UInt8, 3])],
      outputs: [Tensor([14 as UInt8, 7])])
  ]

  package init() {}
  package var function: BinaryFunction { .bitwiseOr }
}

/// The bits that exactly one operand has.
///
/// <https://onnx.ai/onnx/operators/onnx__BitwiseXor.html>.
package struct BitwiseXor: LogicalOperator {
  package static let specification = Specification("BitwiseXor", since: 18, inputs: 2...2)
  package static let examples = [
    Example(
      "four bits", inputs: [Tensor([12 as UInt8, 5]), Tensor([10 as UInt8, 3])],
      outputs: [Tensor([6 as UInt8, 6])])
  ]

  package init() {}
  package var function: BinaryFunction { .bitwiseXor }
}

/// The complement of every bit.
///
/// <https://onnx.ai/onnx/operators/onnx__BitwiseNot.html>.
package struct BitwiseNot: ElementwiseUnary, Attributeless {
  package static let specification = Specification("BitwiseNot", since: 18)
  package static let examples = [
    Example(
      "two bytes", inputs: [Tensor([12 as UInt8, 255])], outputs: [Tensor([243 as UInt8, 0])])
  ]

  package init() {}
  package var function: UnaryFunction { .bitwiseNot }
  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? { nil }
}

/// The bits of the first operand moved by as many places as the second says.
///
/// <https://onnx.ai/onnx/operators/onnx__BitShift.html>; a shift by the width or more gives 0.
package struct BitShift: Operator {
  private let function: BinaryFunction

  package static let specification = Specification("BitShift", since: 11, inputs: 2...2)
  package static let examples = [
    Example(
      "left", attributes: ["direction": .string("LEFT")],
      inputs: [Tensor([16 as UInt8, 4, 1]), Tensor([1 as UInt8, 2, 8])],
      outputs: [Tensor([32 as UInt8, 16, 0])]),
    Example(
      "right", attributes: ["direction": .string("RIGHT")],
      inputs: [Tensor([16 as UInt8, 4, 1]), Tensor([1 as UInt8, 2, 3])],
      outputs: [Tensor([8 as UInt8, 1, 0])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    switch try attributes.string("direction") {
    case "LEFT": self.function = .shiftLeft
    case "RIGHT": self.function = .shiftRight
    default: throw OperatorError("attribute direction must be LEFT or RIGHT")
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, y) = (try inputs.required(0), try inputs.required(1))
    guard let shape = Shape.broadcast(x.shape, y.shape) else {
      throw OperatorError("\(x.shape) and \(y.shape) do not broadcast")
    }
    guard x.elementType == y.elementType, function.isDefined(for: x.elementType) else {
      throw OperatorError("\(x.elementType) cannot be shifted by \(y.elementType)")
    }
    return [TensorType(x.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.apply(function, try inputs.required(0), try inputs.required(1))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "BitShift reads values that depend on the model's input")
  }
}

/// The negation of a truth value.
///
/// <https://onnx.ai/onnx/operators/onnx__Not.html>.
package struct Not: Attributeless {
  package static let specification = Specification("Not", since: 1)
  package static let examples = [
    Example("both cases", inputs: [Tensor([false, true])], outputs: [Tensor([true, false])])
  ]

  package init() {}

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard x.elementType == .bool else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [workspace.logicalNot(try inputs.required(0))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}
