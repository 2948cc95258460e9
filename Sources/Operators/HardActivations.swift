package import Graphs
package import Kernels
import Tensors

/// y = max(0, min(1, αx + β)); α = 0.2 and β = 0.5 by default.
///
/// Gradient: α dy where 0 < y < 1, so 0 at both kinks, as in PyTorch.
/// <https://onnx.ai/onnx/operators/onnx__HardSigmoid.html>.
package struct HardSigmoid: ElementwiseUnary {
  package let alpha: Double
  private let beta: Double

  package static let specification = Specification("HardSigmoid", since: 1)
  package static let examples = [
    Example("both ends", at: [-3, -1.5, 0.5, 4], gives: [0, 0.2, 0.6, 1]),
    Example(
      "a sixth, as PyTorch exports it", attributes: ["alpha": .float(1.0 / 6)],
      at: [-1.5, -0.25, 0.5, 2],
      gives: [0.25, 0.4583333333333333, 0.5833333333333334, 0.8333333333333334]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    self.alpha = try attributes.float("alpha", default: 0.2)
    self.beta = try attributes.float("beta", default: 0.5)
  }

  package var function: UnaryFunction { .hardSigmoid(alpha: alpha, beta: beta) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    (Formula(alpha) * dy).where(y > 0 && y < 1, else: 0)
  }
}

/// y = x max(0, min(1, x/6 + 1/2)).
///
/// Gradient: 0 for x ≤ -3, dy for x ≥ 3, otherwise dy (x/3 + 1/2): at the kinks as in PyTorch.
/// <https://onnx.ai/onnx/operators/onnx__HardSwish.html>.
package struct HardSwish: ElementwiseUnary, Attributeless {
  package static let specification = Specification("HardSwish", since: 14)
  package static let examples = [
    Example("both ends", at: [-4, -1.5, 0.5, 4], gives: [0, -0.375, 0.2916666666666667, 4])
  ]

  package init() {}
  package var function: UnaryFunction { .hardSwish }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    Formula(HardSwishGradient(), dy, x)
  }
}

/// The gradient of `HardSwish`: the first operand times its derivative at the second.
///
/// Gradients: itself of the first operand; dy a / 3 where |x| < 3 of the second.
package struct HardSwishGradient: ElementwiseArithmetic, Lowerable {
  package static let specification = Specification(internal: "HardSwishGradient", inputs: 2...2)
  package static let examples = [
    Example(
      "both ends", inputs: [Tensor([2.0, 2, 2, 2]), Tensor([-4, -1.5, 0.75, 4])],
      outputs: [Tensor([0.0, 0, 1.5, 2])], differentiable: [0, 1])
  ]

  package init() {}
  package var function: BinaryFunction { .hardSwishGradient }

  package func gradients(
    _ a: Formula, _ x: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    let ofX = (dy * a / 3).where(Formula(Abs(), x) < 3, else: 0)
    return (Formula(HardSwishGradient(), dy, x), ofX)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "the slope of HardSwish depends on the model's input")
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, x) = (try context.input(0), try context.input(1))
    let third = try context.append(Div(), x, context.scalar(3, like: x))
    let slope = try context.append(Add(), third, context.scalar(0.5, like: x))
    let inside = try context.append(Mul(), dy, slope)
    let three = try context.scalar(3, like: x)
    let isBelow = try context.append(Less(), x, three)
    let rising = try context.append(Where(), isBelow, inside, dy)
    let isAbove = try context.append(Greater(), x, context.scalar(-3, like: x))
    return [try context.keep(rising, where: isAbove)]
  }
}
