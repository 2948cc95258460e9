package import Graphs
package import Kernels
package import Tensors

/// y = x sigmoid(αx), α = 1 by default: SiLU.
///
/// Gradient: dy (s + αx s (1 - s)) with s = sigmoid(αx).
/// <https://onnx.ai/onnx/operators/onnx__Swish.html>.
package struct Swish: ElementwiseUnary {
  package let alpha: Double

  package static let specification = Specification("Swish", since: 24)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.2736382857095345, -0.10945587477855048, 0.3112296656009273, 1.7615941559557646]),
    Example(
      "steeper", attributes: ["alpha": .float(2)], at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.07113880976635018, -0.09438516719953635, 0.36552928931500245, 1.964027580075817]),
  ]

  package init(alpha: Double = 1) { self.alpha = alpha }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.alpha = try attributes.float("alpha", default: 1)
  }

  package var function: UnaryFunction { .swish(alpha: alpha) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    Formula(SwishGradient(alpha: alpha), dy, x)
  }
}

/// The gradient of `Swish`: the first operand times its derivative at the second.
///
/// Gradients: itself of the first operand; of the second, with s = sigmoid(αx),
/// dy a α s (1 - s) (2 + αx (1 - 2s)).
package struct SwishGradient: Lowerable {
  private let alpha: Double

  package static let specification = Specification(internal: "SwishGradient", inputs: 2...2)
  package static let examples = [
    Example(
      "both sides of zero", inputs: [Tensor([2.0, 2, 1]), Tensor([0.0, 1, -2])],
      outputs: [Tensor([1.0, 1.8553410237429735, -0.09078424878489547])],
      differentiable: [0, 1])
  ]

  package init(alpha: Double) { self.alpha = alpha }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.alpha = try attributes.float("alpha", default: 1)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    guard dy.type == x.type, x.elementType.isFloatingPoint else {
      throw OperatorError("a gradient of type \(dy.type) for \(x.type)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    return [try workspace.apply(.swishGradient(alpha: alpha), dy, x)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, x) = (Formula(try context.input(0)), Formula(try context.input(1)))
    let dy = try context.outputGradient()
    let u = Formula(alpha) * x
    let s = Formula(Sigmoid(), u)
    let curvature = Formula(alpha) * s * (1 - s) * (2 + u * (1 - 2 * s))
    return [
      try context.appendIfWanted(Formula(self, Formula(dy), x), 0, dy),
      try context.appendIfWanted(Formula(dy) * a * curvature, 1, dy),
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "the slope of Swish depends on the model's input")
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, x) = (try context.input(0), try context.input(1))
    let u = try context.append(Mul(), x, context.scalar(alpha, like: x))
    let s = try context.append(Sigmoid(), u)
    let one = try context.scalar(1, like: x)
    let falling = try context.append(Mul(), u, context.append(Sub(), one, s))
    let slope = try context.append(Mul(), s, context.append(Add(), one, falling))
    return [try context.append(Mul(), dy, slope)]
  }
}
