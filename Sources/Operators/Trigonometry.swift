package import Graphs
package import Kernels
import Tensors

/// y = sin(x), x in radians.
///
/// Gradient: dy cos(x). <https://onnx.ai/onnx/operators/onnx__Sin.html>.
package struct Sin: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Sin", since: 7)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.9974949866040544, -0.24740395925452294, 0.479425538604203, 0.9092974268256817])
  ]

  package init() {}
  package var function: UnaryFunction { .sin }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(Cos(), x)
  }
}

/// y = cos(x), x in radians.
///
/// Gradient: -dy sin(x). <https://onnx.ai/onnx/operators/onnx__Cos.html>.
package struct Cos: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Cos", since: 7)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [0.0707372016677029, 0.9689124217106447, 0.8775825618903728, -0.4161468365471424])
  ]

  package init() {}
  package var function: UnaryFunction { .cos }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    -dy * Formula(Sin(), x)
  }
}

/// y = tan(x), x in radians.
///
/// Gradient: dy (1 + y²). <https://onnx.ai/onnx/operators/onnx__Tan.html>.
package struct Tan: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Tan", since: 7)
  package static let examples = [
    Example(
      "both sides of zero", at: [-0.75, -0.25, 0.5, 0.875],
      gives: [-0.9315964599440725, -0.25534192122103627, 0.5463024898437905, 1.197421629234348])
  ]

  package init() {}
  package var function: UnaryFunction { .tan }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * (1 + y * y)
  }
}

/// y = arcsin(x), in radians.
///
/// Gradient: dy / √(1 - x²). <https://onnx.ai/onnx/operators/onnx__Asin.html>.
package struct Asin: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Asin", since: 7)
  package static let examples = [
    Example(
      "both sides of zero", at: [-0.75, -0.25, 0.5, 0.875],
      gives: [-0.848062078981481, -0.25268025514207865, 0.5235987755982989, 1.0654358165107394])
  ]

  package init() {}
  package var function: UnaryFunction { .asin }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / Formula(Sqrt(), 1 - x * x)
  }
}

/// y = arccos(x), in radians.
///
/// Gradient: -dy / √(1 - x²). <https://onnx.ai/onnx/operators/onnx__Acos.html>.
package struct Acos: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Acos", since: 7)
  package static let examples = [
    Example(
      "both sides of zero", at: [-0.75, -0.25, 0.5, 0.875],
      gives: [2.4188584057763776, 1.8234765819369754, 1.0471975511965976, 0.5053605102841573])
  ]

  package init() {}
  package var function: UnaryFunction { .acos }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    -dy / Formula(Sqrt(), 1 - x * x)
  }
}

/// y = arctan(x), in radians.
///
/// Gradient: dy / (1 + x²). <https://onnx.ai/onnx/operators/onnx__Atan.html>.
package struct Atan: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Atan", since: 7)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-0.982793723247329, -0.24497866312686414, 0.4636476090008061, 1.1071487177940904])
  ]

  package init() {}
  package var function: UnaryFunction { .atan }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / (1 + x * x)
  }
}

/// y = (exp(x) - exp(-x)) / 2.
///
/// Gradient: dy cosh(x). <https://onnx.ai/onnx/operators/onnx__Sinh.html>.
package struct Sinh: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Sinh", since: 9)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-2.1292794550948173, -0.2526123168081683, 0.5210953054937474, 3.626860407847019])
  ]

  package init() {}
  package var function: UnaryFunction { .sinh }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(Cosh(), x)
  }
}

/// y = (exp(x) + exp(-x)) / 2.
///
/// Gradient: dy sinh(x). <https://onnx.ai/onnx/operators/onnx__Cosh.html>.
package struct Cosh: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Cosh", since: 9)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [2.352409615243247, 1.0314130998795732, 1.1276259652063807, 3.7621956910836314])
  ]

  package init() {}
  package var function: UnaryFunction { .cosh }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy * Formula(Sinh(), x)
  }
}

/// y = log(x + √(x² + 1)).
///
/// Gradient: dy / √(x² + 1). <https://onnx.ai/onnx/operators/onnx__Asinh.html>.
package struct Asinh: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Asinh", since: 9)
  package static let examples = [
    Example(
      "both sides of zero", at: [-1.5, -0.25, 0.5, 2],
      gives: [-1.1947632172871094, -0.24746646154726346, 0.48121182505960347, 1.4436354751788103])
  ]

  package init() {}
  package var function: UnaryFunction { .asinh }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / Formula(Sqrt(), x * x + 1)
  }
}

/// y = log(x + √(x² - 1)), for x of 1 and more.
///
/// Gradient: dy / √(x² - 1). <https://onnx.ai/onnx/operators/onnx__Acosh.html>.
package struct Acosh: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Acosh", since: 9)
  package static let examples = [
    Example(
      "above one", at: [1.25, 1.5, 2, 4],
      gives: [0.6931471805599453, 0.9624236501192069, 1.3169578969248166, 2.0634370688955608])
  ]

  package init() {}
  package var function: UnaryFunction { .acosh }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / Formula(Sqrt(), x * x - 1)
  }
}

/// y = log((1 + x) / (1 - x)) / 2.
///
/// Gradient: dy / (1 - x²). <https://onnx.ai/onnx/operators/onnx__Atanh.html>.
package struct Atanh: ElementwiseUnary, Attributeless {
  package static let specification = Specification("Atanh", since: 9)
  package static let examples = [
    Example(
      "both sides of zero", at: [-0.75, -0.25, 0.5, 0.875],
      gives: [-0.9729550745276566, -0.25541281188299536, 0.5493061443340548, 1.354025100551105])
  ]

  package init() {}
  package var function: UnaryFunction { .atanh }

  package func gradient(_ x: Formula, _ y: Formula, _ dy: Formula) -> Formula? {
    dy / (1 - x * x)
  }
}
