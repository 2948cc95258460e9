package import Tensors

/// A function of one number that elementwise operators apply.
package enum UnaryFunction: Hashable, Sendable {
  case absolute, negate, sign, relu
  /// The complement of every bit. Integers only.
  case bitwiseNot
  case shrink(bias: Double, lambda: Double)
  case floor, ceiling, roundToEven
  case reciprocal, squareRoot, exp, log, erf
  case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
  case sigmoid, softplus, softsign, mish, hardSwish
  case hardSigmoid(alpha: Double, beta: Double)
  case swish(alpha: Double)
  case gelu, geluByTanh
  case leakyRelu(alpha: Double)
  case thresholdedRelu(alpha: Double)
  case elu(alpha: Double)
  case selu(alpha: Double, gamma: Double)
  case celu(alpha: Double)

  /// Whether the function is defined for elements of this type.
  package func isDefined(for type: ElementType) -> Bool {
    switch self {
    case .absolute, .negate, .sign, .relu, .shrink:
      type.isInteger || type == .float32 || type == .float64
    case .bitwiseNot: type.isInteger
    default: type == .float32 || type == .float64
    }
  }
}

extension Workspace {
  /// `function` of every element.
  ///
  /// - Throws: if the function is not defined for the element type.
  package func apply(_ function: UnaryFunction, _ x: Tensor) throws(KernelError) -> Tensor {
    guard function.isDefined(for: x.elementType) else { throw Self.undefined(x.elementType) }
    return switch x.elementType {
    case .float32: real(function, x, Float.self)
    case .float64: real(function, x, Double.self)
    case .int8: integer(function, x, Int8.self)
    case .int16: integer(function, x, Int16.self)
    case .int32: integer(function, x, Int32.self)
    case .int64: integer(function, x, Int64.self)
    case .uint8: integer(function, x, UInt8.self)
    case .uint16: integer(function, x, UInt16.self)
    case .uint32: integer(function, x, UInt32.self)
    case .uint64: integer(function, x, UInt64.self)
    case .bool, .float16, .bfloat16: throw Self.undefined(x.elementType)
    }
  }

  /// The negation of every Boolean.
  package func logicalNot(_ x: Tensor) -> Tensor {
    mapRowMajor(x) { (span: Span<Bool>, x: UnsafePointer<Bool>) in span.fill(x) { !$0 } }
  }

  private func integer<E: ArithmeticElement & FixedWidthInteger>(
    _ function: UnaryFunction, _ x: Tensor, _ type: E.Type
  ) -> Tensor {
    map(x) { (span: Span<E>, x) in
      if function == .bitwiseNot { span.fill(x) { ~$0 } } else { function.fill(span, x) }
    }
  }

  private func real<E: RealElement>(
    _ function: UnaryFunction, _ x: Tensor, _ type: E.Type
  ) -> Tensor {
    map(x, grain: function.isCostly ? Self.costlyGrain : 16384) { (span: Span<E>, x) in
      function.fillReals(span, x)
    }
  }
}

extension UnaryFunction {
  /// Whether the function calls the C library.
  fileprivate var isCostly: Bool {
    switch self {
    case .absolute, .negate, .sign, .relu, .bitwiseNot, .shrink, .floor, .ceiling, .roundToEven,
      .reciprocal, .squareRoot, .softsign, .hardSwish, .hardSigmoid, .leakyRelu, .thresholdedRelu:
      false
    default: true
    }
  }

  /// Fills a span with the function, one that numbers of all types have.
  fileprivate func fill<E: ArithmeticElement>(_ span: Span<E>, _ x: UnsafePointer<E>) {
    switch self {
    case .absolute: span.fill(x) { E.absolute($0) }
    case .negate: span.fill(x) { E.negate($0) }
    case .sign: span.fill(x) { $0 > 0 ? 1 : $0 < 0 ? E.negate(1) : $0 }
    case .relu: span.fill(x) { $0 < 0 ? 0 : $0 }
    case .shrink(let bias, let lambda):
      span.fill(x) { x in
        let value = x.asDouble
        return value < -lambda
          ? E(converting: value + bias) : value > lambda ? E(converting: value - bias) : 0
      }
    default: preconditionFailure("\(self) of \(E.self)")
    }
  }

  /// Fills a span with the function, one that real numbers have.
  fileprivate func fillReals<E: RealElement>(_ span: Span<E>, _ x: UnsafePointer<E>) {
    switch self {
    case .floor: span.fill(x) { $0.rounded(.down) }
    case .ceiling: span.fill(x) { $0.rounded(.up) }
    case .roundToEven: span.fill(x) { $0.rounded(.toNearestOrEven) }
    case .reciprocal: span.fill(x) { 1 / $0 }
    case .squareRoot: span.fill(x) { $0.squareRoot() }
    case .exp: span.fill(x) { E.exp($0) }
    case .log: span.fill(x) { E.log($0) }
    case .erf: span.fill(x) { E.erf($0) }
    case .sin: span.fill(x) { E.sin($0) }
    case .cos: span.fill(x) { E.cos($0) }
    case .tan: span.fill(x) { E.tan($0) }
    case .asin: span.fill(x) { E.asin($0) }
    case .acos: span.fill(x) { E.acos($0) }
    case .atan: span.fill(x) { E.atan($0) }
    case .sinh: span.fill(x) { E.sinh($0) }
    case .cosh: span.fill(x) { E.cosh($0) }
    case .tanh: span.fill(x) { E.tanh($0) }
    case .asinh: span.fill(x) { E.asinh($0) }
    case .acosh: span.fill(x) { E.acosh($0) }
    case .atanh: span.fill(x) { E.atanh($0) }
    default: fillActivation(span, x)
    }
  }

  private func fillActivation<E: RealElement>(_ span: Span<E>, _ x: UnsafePointer<E>) {
    switch self {
    case .sigmoid: span.fill(x) { E.sigmoid($0) }
    case .softplus: span.fill(x) { Self.softplus($0) }
    case .softsign: span.fill(x) { $0 / (1 + $0.magnitude) }
    case .mish: span.fill(x) { $0 * E.tanh(Self.softplus($0)) }
    case .hardSigmoid(let alpha, let beta):
      let (alpha, beta) = (E(alpha), E(beta))
      span.fill(x) { E.larger(0, E.smaller(alpha * $0 + beta, 1)) }
    case .hardSwish: span.fill(x) { $0 * E.larger(0, E.smaller($0 / 6 + 0.5, 1)) }
    case .swish(let alpha):
      let alpha = E(alpha)
      span.fill(x) { $0 * E.sigmoid(alpha * $0) }
    case .gelu:
      let scale = -E(0.5).squareRoot()
      span.fill(x) { 0.5 * $0 * E.erfc($0 * scale) }
    case .geluByTanh:
      let scale = (2 / E.pi).squareRoot()
      span.fill(x) { 0.5 * $0 * (1 + E.tanh(scale * ($0 + 0.044715 * $0 * $0 * $0))) }
    case .leakyRelu(let alpha):
      let alpha = E(alpha)
      span.fill(x) { $0 < 0 ? alpha * $0 : $0 }
    case .thresholdedRelu(let alpha):
      let alpha = E(alpha)
      span.fill(x) { $0 > alpha ? $0 : 0 }
    case .elu(let alpha):
      let alpha = E(alpha)
      span.fill(x) { $0 < 0 ? alpha * E.expm1($0) : $0 }
    case .selu(let alpha, let gamma):
      let (alpha, gamma) = (E(alpha), E(gamma))
      span.fill(x) { gamma * ($0 < 0 ? alpha * E.expm1($0) : $0) }
    case .celu(let alpha):
      let alpha = E(alpha)
      span.fill(x) { $0 < 0 ? alpha * E.expm1($0 / alpha) : $0 }
    default: fill(span, x)
    }
  }

  @inline(__always)
  private static func softplus<E: RealElement>(_ x: E) -> E {
    E.larger(x, 0) + E.log1p(E.exp(-x.magnitude))
  }
}
