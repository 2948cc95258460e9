package import Graphs
package import Kernels
import Tensors

/// y = x for x > 0, otherwise α (exp(x) - 1); α = 1 by default.
///
/// Gradient: dy for x > 0, otherwise dy (y + α). <https://onnx.ai/onnx/operators/onnx__Elu.html>.
package struct Elu: ElementwiseUnary {
  private let alpha: Double

  package static let specification = Specification("Elu", since: 1)
  package static let examples = [
    Example(
      "scaled", attributes: ["alpha": .float(2)], at: [-1.5, -0.25, 0.5, 2],
      gives: [-1.5537396797031404, -0.44239843385719024, 0.5, 2])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    self.alpha = try attributes.float("alpha", default: 1)
  }

  package var function: UnaryFunction { .elu(alpha: alpha) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy.where(x > 0, else: dy * (y + Formula(alpha)))
  }
}

/// y = γx for x > 0, otherwise γα (exp(x) - 1).
///
/// Gradient: γ dy for x > 0, otherwise dy (y + γα).
/// <https://onnx.ai/onnx/operators/onnx__Selu.html>; opset 1 has shorter default constants.
package struct Selu: ElementwiseUnary {
  private let alpha: Double
  private let gamma: Double

  package static let specification = Specification("Selu", since: 1)
  package static let examples = [
    Example(
      "default constants", at: [-1.5, -0.25, 0.5, 2],
      gives: [-1.3658143576366604, -0.38889019869375324, 0.5253505110740662, 2.1014020442962646])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    let isFirst = attributes.opset < 6
    self.alpha = try attributes.float(
      "alpha", default: isFirst ? 1.6732 : 1.67326319217681884765625)
    self.gamma = try attributes.float(
      "gamma", default: isFirst ? 1.0507 : 1.05070102214813232421875)
  }

  package var function: UnaryFunction { .selu(alpha: alpha, gamma: gamma) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(gamma).where(x > 0, else: y + Formula(gamma * alpha))
  }
}

/// y = x for x > 0, otherwise α (exp(x/α) - 1); α = 1 by default.
///
/// Gradient: dy for x > 0, otherwise dy (y/α + 1).
/// <https://onnx.ai/onnx/operators/onnx__Celu.html>.
package struct Celu: ElementwiseUnary {
  private let alpha: Double

  package static let specification = Specification("Celu", since: 12)
  package static let examples = [
    Example(
      "scaled", attributes: ["alpha": .float(2)], at: [-1.5, -0.25, 0.5, 2],
      gives: [-1.0552668945179706, -0.2350061948308092, 0.5, 2])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.alpha = try attributes.float("alpha", default: 1)
    if alpha == 0 { throw OperatorError("attribute alpha must not be 0") }
  }

  package var function: UnaryFunction { .celu(alpha: alpha) }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy.where(x > 0, else: dy * (y / Formula(alpha) + 1))
  }
}
