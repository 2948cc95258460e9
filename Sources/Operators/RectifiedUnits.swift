package import Graphs
package import Kernels
import Tensors

/// y = max(x, 0).
///
/// Gradient: dy where y > 0, so relu'(0) = 0, as in PyTorch.
/// <https://onnx.ai/onnx/operators/onnx__Relu.html>.
package struct Relu: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Relu", since: 1)
  package static let examples = [
    Example("both sides of zero", at: [-1.5, -0.25, 0.5, 2], gives: [0, 0, 0.5, 2])
  ]

  package init() {}
  package var function: UnaryFunction { .relu }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    Formula(ReluGradient(), dy, y)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The gradient of `Relu`: the first operand where the second is positive, otherwise 0.
///
/// Gradient: itself of the first operand; zero almost everywhere of the second.
package struct ReluGradient: ElementwiseArithmetic, Lowerable {
  package static let specification = Specification(internal: "ReluGradient", inputs: 2...2)
  package static let examples = [
    Example(
      "the kink belongs to the flat side", inputs: [Tensor([1.0, 2, 3]), Tensor([-1.0, 0, 4])],
      outputs: [Tensor([0.0, 0, 3])], differentiable: [0])
  ]

  package init() {}
  package var function: BinaryFunction { .reluGradient }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (Formula(ReluGradient(), dy, b), nil)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.first??.degree ?? .zero
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let y = try context.input(1)
    let isPositive = try context.append(Greater(), y, context.scalar(0, like: y))
    return [try context.keep(try context.input(0), where: isPositive)]
  }
}

/// y = x for x ≥ 0, otherwise αx; α = 0.01 by default.
///
/// Gradient: dy for x > 0, otherwise α dy, at 0 too, as in PyTorch.
/// <https://onnx.ai/onnx/operators/onnx__LeakyRelu.html>.
package struct LeakyRelu: ElementwiseUnary {
  private let alpha: Double

  package static let specification = Specification("LeakyRelu", since: 1)
  package static let examples = [
    Example(
      "a quarter", attributes: ["alpha": .float(0.25)], at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.375, -0.0625, 0.5, 2])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    self.alpha = try attributes.float("alpha", default: 0.01)
  }

  package var function: UnaryFunction { .leakyRelu(alpha: alpha) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy.where(x > 0, else: Formula(alpha) * dy)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// y = x for x ≥ 0, otherwise x times a slope, which is stretched to the shape of x.
///
/// Gradients: of x: dy for x > 0, otherwise slope dy; of the slope: x dy for x < 0, otherwise 0.
/// <https://onnx.ai/onnx/operators/onnx__PRelu.html>; before opset 7 a slope has one element per
/// channel: `LegacyBroadcast`.
package struct PRelu: ElementwiseArithmetic {
  package static let specification = Specification("PRelu", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "one slope an element", inputs: [Tensor([-1.0, 2, -3]), Tensor([0.5, 0.5, 0.25])],
      outputs: [Tensor([-0.5, 2, -0.75])], differentiable: [0, 1]),
    Example(
      "one slope a channel",
      inputs: [
        Tensor([-1.0, 2, -3, -4], shape: [1, 2, 1, 2]), Tensor([0.5, 0.25], shape: [2, 1, 1]),
      ],
      outputs: [Tensor([-0.5, 2, -0.75, -1], shape: [1, 2, 1, 2])], differentiable: [0, 1]),
  ]

  package static var legacyAlignment: LegacyAlignment? { .axis(1) }

  package init() {}
  package var function: BinaryFunction { .parametricRelu }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, slope) = (try inputs.required(0), try inputs.required(1))
    guard Shape.broadcast(x.shape, slope.shape) == x.shape else {
      throw OperatorError("a slope of shape \(slope.shape) does not stretch to \(x.shape)")
    }
    return [TensorType(try resultType(x.elementType, slope.elementType), x.shape)]
  }

  package func gradients(
    _ x: Formula, _ slope: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (dy.where(x > 0, else: slope * dy), (x * dy).where(x < 0, else: 0))
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// y = x for x > α, otherwise 0; α = 1 by default.
///
/// Gradient: dy where x > α. <https://onnx.ai/onnx/operators/onnx__ThresholdedRelu.html>.
package struct ThresholdedRelu: ElementwiseUnary {
  private let alpha: Double

  package static let specification = Specification("ThresholdedRelu", since: 10)
  package static let examples = [
    Example("both sides of one", at: [-1.5, 0.5, 1.25, 2], gives: [0, 0, 1.25, 2])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.alpha = try attributes.float("alpha", default: 1)
  }

  package var function: UnaryFunction { .thresholdedRelu(alpha: alpha) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy.where(x > Formula(alpha), else: 0)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    if alpha == 0 { return try inputs.firstDegree() }
    return try inputs.constantDegree(or: "ThresholdedRelu switches at \(alpha)")
  }
}

/// y = x - bias for x > λ, x + bias for x < -λ, otherwise 0; bias = 0 and λ = 1/2 by default.
///
/// Gradient: dy where |x| > λ. <https://onnx.ai/onnx/operators/onnx__Shrink.html>.
package struct Shrink: ElementwiseUnary {
  private let bias: Double
  private let lambda: Double

  package static let specification = Specification("Shrink", since: 9)
  package static let examples = [
    Example(
      "soft", attributes: ["bias": .float(0.5)], at: [-1.5, -0.25, 0.25, 2],
      gives: [-1, 0, 0, 1.5])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.bias = try attributes.float("bias", default: 0)
    self.lambda = try attributes.float("lambd", default: 0.5)
  }

  package var function: UnaryFunction { .shrink(bias: bias, lambda: lambda) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy.where(Formula(Abs(), x) > Formula(lambda), else: 0)
  }
}
