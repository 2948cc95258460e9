package import Graphs
package import Kernels
import Tensors

/// y = |x|.
///
/// Gradient: dy sign(x), which is 0 at 0, as in PyTorch. <https://onnx.ai/onnx/operators/onnx__Abs.html>.
package struct Abs: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Abs", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [1.5, 0.25, 0.5, 2])
  ]

  package init() {}
  package var function: UnaryFunction { .absolute }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(Sign(), x)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// y = -x.
///
/// Gradient: -dy. <https://onnx.ai/onnx/operators/onnx__Neg.html>.
package struct Neg: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Neg", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [1.5, 0.25, -0.5, -2])
  ]

  package init() {}
  package var function: UnaryFunction { .negate }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    -dy
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// y = 1, 0 or -1 with the sign of x.
///
/// The derivative is zero almost everywhere. <https://onnx.ai/onnx/operators/onnx__Sign.html>.
package struct Sign: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Sign", since: 9)
  package static let examples = [
    Example(
      "one of each sign", only: [-1.5, 0, 0.5],
      gives: [-1, 0, 1])
  ]

  package init() {}
  package var function: UnaryFunction { .sign }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    nil
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.first??.degree == Degree.none ? .none : .exactly(0)
  }
}

/// The largest integer that is not above x.
///
/// The derivative is zero almost everywhere. <https://onnx.ai/onnx/operators/onnx__Floor.html>.
package struct Floor: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Floor", since: 1)
  package static let examples = [
    Example(
      "fractions and integers", only: [-1.5, -1, 0.5, 2],
      gives: [-2, -1, 0, 2])
  ]

  package init() {}
  package var function: UnaryFunction { .floor }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    nil
  }
}

/// The smallest integer that is not below x.
///
/// The derivative is zero almost everywhere. <https://onnx.ai/onnx/operators/onnx__Ceil.html>.
package struct Ceil: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Ceil", since: 1)
  package static let examples = [
    Example(
      "fractions and integers", only: [-1.5, -1, 0.5, 2],
      gives: [-1, -1, 1, 2])
  ]

  package init() {}
  package var function: UnaryFunction { .ceiling }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    nil
  }
}

/// The nearest integer, halves to the even one.
///
/// The derivative is zero almost everywhere. <https://onnx.ai/onnx/operators/onnx__Round.html>.
package struct Round: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Round", since: 11)
  package static let examples = [
    Example(
      "halves", only: [-1.5, -0.4, 0.5, 2.5, 3.5],
      gives: [-2, 0, 0, 2, 4])
  ]

  package init() {}
  package var function: UnaryFunction { .roundToEven }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    nil
  }
}
