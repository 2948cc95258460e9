package import Graphs
package import Kernels
package import Tensors

/// y = a + b; integers wrap around.
///
/// Gradients: dy of both. <https://onnx.ai/onnx/operators/onnx__Add.html>.
package struct Add: ElementwiseArithmetic {
  package static let specification = Specification("Add", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "equal shapes", inputs: [Tensor([1.0, 2, 3]), Tensor([4.0, 5, 6])],
      outputs: [Tensor([5.0, 7, 9])], differentiable: [0, 1]),
    Example(
      "a column and a row", inputs: [Tensor([1.0, 2], shape: [2, 1]), Tensor([10.0, 20, 30])],
      outputs: [Tensor([11.0, 21, 31, 12, 22, 32], shape: [2, 3])], differentiable: [0, 1]),
    Example(
      "integers wrap around", inputs: [Tensor([Int8.max]), Tensor([1 as Int8])],
      outputs: [Tensor([Int8.min])]),
  ]

  package init() {}
  package var function: BinaryFunction { .add }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (dy, dy)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.commonDegree()
  }
}

/// y = a - b; integers wrap around.
///
/// Gradients: dy and -dy. <https://onnx.ai/onnx/operators/onnx__Sub.html>.
package struct Sub: ElementwiseArithmetic {
  package static let specification = Specification("Sub", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "equal shapes", inputs: [Tensor([1.0, 2, 3]), Tensor([4.0, 4, 1])],
      outputs: [Tensor([-3.0, -2, 2])], differentiable: [0, 1]),
    Example(
      "from a scalar", inputs: [Tensor(scalar: 1.0), Tensor([0.25, 2])],
      outputs: [Tensor([0.75, -1])], differentiable: [0, 1]),
  ]

  package init() {}
  package var function: BinaryFunction { .subtract }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (dy, -dy)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.commonDegree()
  }
}

/// y = ab; integers wrap around.
///
/// Gradients: dy b and dy a. <https://onnx.ai/onnx/operators/onnx__Mul.html>.
package struct Mul: ElementwiseArithmetic {
  package static let specification = Specification("Mul", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "equal shapes", inputs: [Tensor([1.0, 2, 3]), Tensor([4.0, -5, 0])],
      outputs: [Tensor([4.0, -10, 0])], differentiable: [0, 1]),
    Example(
      "one factor a channel",
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [1, 2, 1, 2]), Tensor([10.0, 100], shape: [1, 2, 1, 1]),
      ],
      outputs: [Tensor([10.0, 20, 300, 400], shape: [1, 2, 1, 2])], differentiable: [0, 1]),
  ]

  package init() {}
  package var function: BinaryFunction { .multiply }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (dy * b, dy * a)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.productDegree()
  }
}

/// y = a / b; integers round toward zero, and none may be divided by zero.
///
/// Gradients: dy / b and -dy y / b. <https://onnx.ai/onnx/operators/onnx__Div.html>.
package struct Div: ElementwiseArithmetic {
  package static let specification = Specification("Div", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "equal shapes", inputs: [Tensor([1.0, 3, -3]), Tensor([4.0, 2, 2])],
      outputs: [Tensor([0.25, 1.5, -1.5])], differentiable: [0, 1]),
    Example(
      "integers", inputs: [Tensor([7 as Int64, -7]), Tensor([2 as Int64, 2])],
      outputs: [Tensor([3 as Int64, -3])]),
  ]

  package init() {}
  package var function: BinaryFunction { .divide }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (dy / b, -dy * y / b)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    switch (inputs.first??.degree ?? .zero, inputs.last??.degree ?? .zero) {
    case (.zero, _): .zero
    case (_, .zero): throw Inhomogeneity("divides by zero")
    case (.exactly(let a), .exactly(let b)): .exactly(a - b)
    case (.none, _), (_, .none): .none
    }
  }
}

/// y = a^b, in the type of a; the exponent may have another type.
///
/// Gradients: dy b a^(b - 1), 0 where b is 0; and dy y log a, 0 where a is 0.
/// <https://onnx.ai/onnx/operators/onnx__Pow.html>; types may differ since opset 12.
package struct Pow: ElementwiseBinary {
  package static let specification = Specification("Pow", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "equal shapes", inputs: [Tensor([1.5, 2, 0.5]), Tensor([2.0, 3, -1])],
      outputs: [Tensor([2.25, 8, 2])], differentiable: [0, 1]),
    Example(
      "negative base, square", inputs: [Tensor([-3.0, 2]), Tensor(scalar: 2.0)],
      outputs: [Tensor([9.0, 4])], differentiable: [0]),
    Example(
      "integer exponents", inputs: [Tensor([-3.0, 2]), Tensor([3 as Int64, 4])],
      outputs: [Tensor([-27.0, 16])], differentiable: [0]),
    Example(
      "integers to fractional powers", inputs: [Tensor([4 as Int32, 10]), Tensor([0.5, 0.5])],
      outputs: [Tensor([2 as Int32, 3])]),
  ]

  package init() {}
  package var acceptsAnyLayout: Bool { true }

  package func resultType(_ a: ElementType, _ b: ElementType) throws(OperatorError) -> ElementType {
    guard BinaryFunction.multiply.isDefined(for: a), BinaryFunction.multiply.isDefined(for: b)
    else { throw OperatorError("\(a) has no powers of \(b)") }
    return a
  }

  package func compute(
    _ a: Tensor, _ b: Tensor, in workspace: Workspace
  ) throws(OperatorError) -> Tensor {
    try workspace.power(a, b)
  }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    let exponent = Formula(CastLike(), b, dy)
    let slope = exponent * Formula(Pow(), a, exponent - 1)
    let growth = Formula(0).where(a == 0, else: y * Formula(Log(), a))
    return (dy * Formula(0).where(exponent == 0, else: slope), dy * growth)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    guard case .exactly(let degree) = inputs.first??.degree, degree != 0 else {
      return try inputs.constantDegree(or: "raises a constant to a power that depends on the input")
    }
    guard let exponent = inputs.last??.constant, exponent.elementCount > 0 else {
      throw Inhomogeneity("raises to a power that is not constant")
    }
    let exponents = Set(exponent.converted(to: .float64).elements(as: Double.self))
    guard exponents.count == 1, let number = exponents.first,
      let power = Int(exactly: Double(degree) * number), abs(power) < 1000
    else { throw Inhomogeneity("raises a value of degree \(degree) to broken or unequal powers") }
    return .exactly(power)
  }
}

/// The remainder of a / b: with the sign of b for integers, with that of a if `fmod` is set.
///
/// Gradients: dy, and -dy trunc(a / b); defined for `fmod` only, which floats need.
/// <https://onnx.ai/onnx/operators/onnx__Mod.html>.
package struct Mod: Operator {
  private let isTruncating: Bool

  package static let specification = Specification("Mod", since: 10, inputs: 2...2)
  package static let examples = [
    Example(
      "sign of the divisor", inputs: [Tensor([-4 as Int32, 7, 5]), Tensor([3 as Int32, -3, 3])],
      outputs: [Tensor([2 as Int32, -2, 2])]),
    Example(
      "sign of the dividend", attributes: ["fmod": .int(1)],
      inputs: [Tensor([-4.5, 7.5, 5]), Tensor([2.0, -3.25, 3])],
      outputs: [Tensor([-0.5, 1, 2])], differentiable: [0, 1]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.isTruncating = try attributes.flag("fmod", default: false)
  }

  private var function: BinaryFunction { isTruncating ? .remainder : .modulo }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw OperatorError("\(a.shape) and \(b.shape) do not broadcast")
    }
    guard a.elementType == b.elementType, function.isDefined(for: a.elementType) else {
      throw OperatorError(
        "a remainder of \(a.elementType) by \(b.elementType) is not defined; floats need fmod = 1")
    }
    return [TensorType(a.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.apply(function, try inputs.required(0), try inputs.required(1))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, b) = (Formula(try context.input(0)), Formula(try context.input(1)))
    let dy = try context.outputGradient()
    let quotient = (a - Formula(context.output())) / b
    return [dy, try context.appendIfWanted(-Formula(dy) * Formula(Round(), quotient), 1, dy)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.commonDegree()
  }
}
