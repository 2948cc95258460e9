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
    switch x.elementType {
    case .float32: try real(function, x, Float.self)
    case .float64: try real(function, x, Double.self)
    case .int8: try integer(function, x, Int8.self)
    case .int16: try integer(function, x, Int16.self)
    case .int32: try integer(function, x, Int32.self)
    case .int64: try integer(function, x, Int64.self)
    case .uint8: try integer(function, x, UInt8.self)
    case .uint16: try integer(function, x, UInt16.self)
    case .uint32: try integer(function, x, UInt32.self)
    case .uint64: try integer(function, x, UInt64.self)
    case .bool, .float16, .bfloat16: throw Self.undefined(x.elementType)
    }
  }

  /// The negation of every Boolean.
  package func logicalNot(_ x: Tensor) -> Tensor { mapRowMajor(x) { (x: Bool) -> Bool in !x } }

  private func integer<E: ArithmeticElement & FixedWidthInteger>(
    _ function: UnaryFunction, _ x: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    function == .bitwiseNot ? map(x) { (x: E) -> E in ~x } : try arithmetic(function, x, type)
  }

  private func arithmetic<E: ArithmeticElement>(
    _ function: UnaryFunction, _ x: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch function {
    case .absolute: return map(x) { (x: E) -> E in E.absolute(x) }
    case .negate: return map(x) { (x: E) -> E in E.negate(x) }
    case .sign:
      return map(x) { (x: E) -> E in x > 0 ? 1 : x < 0 ? E.negate(1) : x == x ? 0 : x }
    case .relu: return map(x) { (x: E) -> E in x < 0 ? 0 : x }
    case .shrink(let bias, let lambda):
      return map(x) { (x: E) -> E in
        let value = x.asDouble
        return value < -lambda
          ? E(converting: value + bias) : value > lambda ? E(converting: value - bias) : 0
      }
    default: throw Self.undefined(E.elementType)
    }
  }

  private func real<E: RealElement>(
    _ function: UnaryFunction, _ x: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    let costly = Self.costlyGrain
    switch function {
    case .floor: return map(x) { (x: E) -> E in x.rounded(.down) }
    case .ceiling: return map(x) { (x: E) -> E in x.rounded(.up) }
    case .roundToEven: return map(x) { (x: E) -> E in x.rounded(.toNearestOrEven) }
    case .reciprocal: return map(x) { (x: E) -> E in 1 / x }
    case .squareRoot: return map(x) { (x: E) -> E in x.squareRoot() }
    case .exp: return map(x, grain: costly) { (x: E) -> E in E.exp(x) }
    case .log: return map(x, grain: costly) { (x: E) -> E in E.log(x) }
    case .erf: return map(x, grain: costly) { (x: E) -> E in E.erf(x) }
    case .sin: return map(x, grain: costly) { (x: E) -> E in E.sin(x) }
    case .cos: return map(x, grain: costly) { (x: E) -> E in E.cos(x) }
    case .tan: return map(x, grain: costly) { (x: E) -> E in E.tan(x) }
    case .asin: return map(x, grain: costly) { (x: E) -> E in E.asin(x) }
    case .acos: return map(x, grain: costly) { (x: E) -> E in E.acos(x) }
    case .atan: return map(x, grain: costly) { (x: E) -> E in E.atan(x) }
    case .sinh: return map(x, grain: costly) { (x: E) -> E in E.sinh(x) }
    case .cosh: return map(x, grain: costly) { (x: E) -> E in E.cosh(x) }
    case .tanh: return map(x, grain: costly) { (x: E) -> E in E.tanh(x) }
    case .asinh: return map(x, grain: costly) { (x: E) -> E in E.asinh(x) }
    case .acosh: return map(x, grain: costly) { (x: E) -> E in E.acosh(x) }
    case .atanh: return map(x, grain: costly) { (x: E) -> E in E.atanh(x) }
    default: return try activation(function, x, type)
    }
  }

  private func activation<E: RealElement>(
    _ function: UnaryFunction, _ x: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    let costly = Self.costlyGrain
    switch function {
    case .sigmoid: return map(x, grain: costly) { (x: E) -> E in 1 / (1 + E.exp(-x)) }
    case .softplus: return map(x, grain: costly) { (x: E) -> E in Self.softplus(x) }
    case .softsign: return map(x) { (x: E) -> E in x / (1 + x.magnitude) }
    case .mish: return map(x, grain: costly) { (x: E) -> E in x * E.tanh(Self.softplus(x)) }
    case .hardSigmoid(let alpha, let beta):
      let (alpha, beta) = (E(alpha), E(beta))
      return map(x) { (x: E) -> E in E.maximum(0, E.minimum(alpha * x + beta, 1)) }
    case .hardSwish:
      return map(x) { (x: E) -> E in x * E.maximum(0, E.minimum(x / 6 + 0.5, 1)) }
    case .swish(let alpha):
      let alpha = E(alpha)
      return map(x, grain: costly) { (x: E) -> E in x / (1 + E.exp(-alpha * x)) }
    case .gelu:
      let scale = -E(0.5).squareRoot()
      return map(x, grain: costly) { (x: E) -> E in 0.5 * x * E.erfc(x * scale) }
    case .geluByTanh:
      let scale = (2 / E.pi).squareRoot()
      return map(x, grain: costly) { (x: E) -> E in
        0.5 * x * (1 + E.tanh(scale * (x + 0.044715 * x * x * x)))
      }
    case .leakyRelu(let alpha):
      let alpha = E(alpha)
      return map(x) { (x: E) -> E in x < 0 ? alpha * x : x }
    case .thresholdedRelu(let alpha):
      let alpha = E(alpha)
      return map(x) { (x: E) -> E in x > alpha ? x : 0 }
    case .elu(let alpha):
      let alpha = E(alpha)
      return map(x, grain: costly) { (x: E) -> E in x < 0 ? alpha * E.expm1(x) : x }
    case .selu(let alpha, let gamma):
      let (alpha, gamma) = (E(alpha), E(gamma))
      return map(x, grain: costly) { (x: E) -> E in
        gamma * (x < 0 ? alpha * E.expm1(x) : x)
      }
    case .celu(let alpha):
      let alpha = E(alpha)
      return map(x, grain: costly) { (x: E) -> E in x < 0 ? alpha * E.expm1(x / alpha) : x }
    default: return try arithmetic(function, x, type)
    }
  }

  @inline(__always)
  private static func softplus<E: RealElement>(_ x: E) -> E {
    E.maximum(x, 0) + E.log1p(E.exp(-x.magnitude))
  }
}
