package import Graphs
package import Kernels
import Tensors

/// y = 1 / (1 + exp(-x)).
///
/// Gradient: dy y (1 - y). <https://onnx.ai/onnx/operators/onnx__Sigmoid.html>.
package struct Sigmoid: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Sigmoid", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [0.18242552380635635, 0.43782349911420193, 0.6224593312018546, 0.8807970779778823])
  ]

  package init() {}
  package var function: UnaryFunction { .sigmoid }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * y * (1 - y)
  }
}

/// y = tanh(x).
///
/// Gradient: dy (1 - y²). <https://onnx.ai/onnx/operators/onnx__Tanh.html>.
package struct Tanh: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Tanh", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.9051482536448664, -0.24491866240370913, 0.46211715726000974, 0.9640275800758169])
  ]

  package init() {}
  package var function: UnaryFunction { .tanh }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * (1 - y * y)
  }
}

/// y = log(1 + exp(x)).
///
/// Gradient: dy sigmoid(x). <https://onnx.ai/onnx/operators/onnx__Softplus.html>.
package struct Softplus: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Softplus", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [0.2014132779827524, 0.5759394198788436, 0.9740769841801067, 2.1269280110429727])
  ]

  package init() {}
  package var function: UnaryFunction { .softplus }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(Sigmoid(), x)
  }
}

/// y = x / (1 + |x|).
///
/// Gradient: dy (1 - |y|)². <https://onnx.ai/onnx/operators/onnx__Softsign.html>.
package struct Softsign: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Softsign", since: 1)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.6, -0.2, 0.3333333333333333, 0.6666666666666666])
  ]

  package init() {}
  package var function: UnaryFunction { .softsign }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(Pow(), 1 - Formula(Abs(), y), 2)
  }
}

/// y = x tanh(softplus(x)).
///
/// Gradient: dy (t + x sigmoid(x) (1 - t²)) with t = tanh(softplus(x)). <https://onnx.ai/onnx/operators/onnx__Mish.html>.
package struct Mish: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Mish", since: 18)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.29809974216680674, -0.129926963679141, 0.3752452113048951, 1.9439589595339946])
  ]

  package init() {}
  package var function: UnaryFunction { .mish }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    let t = Formula(Tanh(), Formula(Softplus(), x))
    return dy * (t + x * Formula(Sigmoid(), x) * (1 - t * t))
  }
}

/// y = x Φ(x), Φ the normal distribution; or its approximation by tanh.
///
/// Gradient: dy (Φ(x) + x φ(x)); that of the approximation, with u = √(2/π) (x + 0.044715 x³) and
/// t = tanh(u): dy ((1 + t) + x (1 - t²) du/dx) / 2.
/// <https://onnx.ai/onnx/operators/onnx__Gelu.html>.
package struct Gelu: ElementwiseUnary {
  private let isApproximate: Bool

  package static let specification = Specification("Gelu", since: 20)
  package static let examples = [
    Example(
      "exact", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.10021080190328704, -0.10032341857926907, 0.34573123063700656, 1.9544997361036416]),
    Example(
      "by tanh", attributes: ["approximate": .string("tanh")], at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.10042842301976707, -0.100324649298315, 0.34571400982514394, 1.954597694087775]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    switch try attributes.string("approximate") ?? "none" {
    case "none": self.isApproximate = false
    case "tanh": self.isApproximate = true
    case let other: throw OperatorError("attribute approximate: '\(other)' is not known")
    }
  }

  package var function: UnaryFunction { isApproximate ? .geluByTanh : .gelu }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    if isApproximate {
      let scale = (2 / Double.pi).squareRoot()
      let square = x * x
      let t = Formula(Tanh(), Formula(scale) * x * (1 + 0.044715 * square))
      let slope = Formula(scale) * (1 + Formula(3 * 0.044715) * square)
      return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)
    }
    let distribution = 0.5 * (1 + Formula(Erf(), x * Formula(0.5.squareRoot())))
    let density = Formula(1 / (2 * Double.pi).squareRoot()) * Formula(Exp(), -0.5 * x * x)
    return dy * (distribution + x * density)
  }
}
