package import Graphs
package import Kernels
import Tensors

/// y = exp(x).
///
/// Gradient: dy y. <https://onnx.ai/onnx/operators/onnx__Exp.html>.
package struct Exp: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Exp", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [0.22313016014842982, 0.7788007830714049, 1.6487212707001282, 7.38905609893065])
  ]

  package init() {}
  package var function: UnaryFunction { .exp }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * y
  }
}

/// y = log(x).
///
/// Gradient: dy / x. <https://onnx.ai/onnx/operators/onnx__Log.html>.
package struct Log: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Log", since: 1)
  package static let examples = [
    Example(
      "around one", at: [0.25, 0.5, 1.5, 4],
      gives: [-1.3862943611198906, -0.6931471805599453, 0.4054651081081644, 1.3862943611198906])
  ]

  package init() {}
  package var function: UnaryFunction { .log }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / x
  }
}

/// y = √x.
///
/// Gradient: dy / 2y. <https://onnx.ai/onnx/operators/onnx__Sqrt.html>.
package struct Sqrt: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Sqrt", since: 1)
  package static let examples = [
    Example(
      "around one", at: [0.25, 0.5, 1.5, 4],
      gives: [0.5, 0.7071067811865476, 1.224744871391589, 2])
  ]

  package init() {}
  package var function: UnaryFunction { .squareRoot }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / (2 * y)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    switch inputs.first??.degree {
    case .exactly(let degree) where degree % 2 == 0: return .exactly(degree / 2)
    case .exactly(let degree): throw Inhomogeneity("takes the root of a value of degree \(degree)")
    case let other: return other ?? .zero
    }
  }
}

/// y = 1 / x.
///
/// Gradient: -dy y². <https://onnx.ai/onnx/operators/onnx__Reciprocal.html>.
package struct Reciprocal: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Reciprocal", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-2, -0.5, 0.25, 4],
      gives: [-0.5, -2, 4, 0.25])
  ]

  package init() {}
  package var function: UnaryFunction { .reciprocal }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    -dy * y * y
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    switch inputs.first??.degree {
    case .exactly(let degree): return .exactly(-degree)
    case .zero: throw Inhomogeneity("divides by zero")
    case let other: return other ?? .zero
    }
  }
}

/// y = 2/√π ∫ exp(-t²) dt from 0 to x.
///
/// Gradient: dy 2/√π exp(-x²). <https://onnx.ai/onnx/operators/onnx__Erf.html>.
package struct Erf: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Erf", since: 9)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.9661051464753108, -0.27632639016823696, 0.5204998778130465, 0.9953222650189527])
  ]

  package init() {}
  package var function: UnaryFunction { .erf }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(2 / Double.pi.squareRoot()) * Formula(Exp(), -x * x)
  }
}
