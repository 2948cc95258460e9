package import Tensors

/// A function of two numbers that elementwise operators apply.
package enum BinaryFunction: Hashable, Sendable {
  case add, subtract, multiply, divide, maximum, minimum
  /// C's fmod: the sign of the dividend.
  case remainder
  /// Python's `%`: the sign of the divisor. Integers only.
  case modulo
  /// x where it is not negative, otherwise x times the second operand.
  case parametricRelu
  /// The first operand where the second is positive, otherwise 0.
  case reluGradient
  /// The first operand times the derivative of hard swish at the second, 0 up to -3 and 1 from 3 on.
  case hardSwishGradient
  /// The first operand times the derivative of x sigmoid(alpha x) at the second.
  case swishGradient(alpha: Double)
  case bitwiseAnd, bitwiseOr, bitwiseXor
  /// Integers only; a shift by the width or more gives 0.
  case shiftLeft, shiftRight
  case logicalAnd, logicalOr, logicalXor

  /// Whether the function is defined for elements of this type.
  package func isDefined(for type: ElementType) -> Bool {
    switch self {
    case .logicalAnd, .logicalOr, .logicalXor: type == .bool
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight, .modulo: type.isInteger
    case .reluGradient, .hardSwishGradient, .swishGradient: type == .float32 || type == .float64
    default: type.isInteger || type == .float32 || type == .float64
    }
  }
}

extension Workspace {
  /// `function` of both operands element by element, stretched to one shape.
  ///
  /// - Throws: if the types differ or do not suit the function, if the shapes do not broadcast, or
  ///   if an integer is divided by zero.
  package func apply(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor
  ) throws(KernelError) -> Tensor {
    guard a.elementType == b.elementType else {
      throw KernelError("operands are \(a.elementType) and \(b.elementType)")
    }
    guard function.isDefined(for: a.elementType) else { throw Self.undefined(a.elementType) }
    return switch a.elementType {
    case .float32: try real(function, a, b, Float.self)
    case .float64: try real(function, a, b, Double.self)
    case .int8: try integer(function, a, b, Int8.self)
    case .int16: try integer(function, a, b, Int16.self)
    case .int32: try integer(function, a, b, Int32.self)
    case .int64: try integer(function, a, b, Int64.self)
    case .uint8: try integer(function, a, b, UInt8.self)
    case .uint16: try integer(function, a, b, UInt16.self)
    case .uint32: try integer(function, a, b, UInt32.self)
    case .uint64: try integer(function, a, b, UInt64.self)
    case .bool:
      try combineRowMajor(rowMajor(a), rowMajor(b)) { span, a, b in function.fill(span, a, b) }
    case .float16, .bfloat16: throw Self.undefined(a.elementType)
    }
  }

  private func real<E: RealElement>(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    try combine(a, b) { (span: Span<E>, a, b) in
      switch function {
      case .reluGradient: span.fill(a, b) { dy, y in y > 0 ? dy : 0 }
      case .hardSwishGradient:
        span.fill(a, b) { dy, x in x <= -3 ? 0 : x >= 3 ? dy : dy * (x / 3 + 0.5) }
      case .swishGradient(let alpha):
        let alpha = E(alpha)
        span.fill(a, b) { dy, x in
          let s = E.sigmoid(alpha * x)
          return dy * (s + alpha * x * s * (1 - s))
        }
      default: function.fill(span, a, b)
      }
    }
  }

  private func integer<E: ArithmeticElement & FixedWidthInteger>(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    if function == .divide || function == .modulo || function == .remainder {
      guard !rowMajor(b).withElements(as: E.self, { $0.contains(0) }) else {
        throw KernelError("an integer is divided by zero")
      }
    }
    return try combine(a, b) { (span: Span<E>, a, b) in
      switch function {
      case .bitwiseAnd: span.fill(a, b) { $0 & $1 }
      case .bitwiseOr: span.fill(a, b) { $0 | $1 }
      case .bitwiseXor: span.fill(a, b) { $0 ^ $1 }
      case .shiftLeft: span.fill(a, b) { $0 << $1 }
      case .shiftRight: span.fill(a, b) { $0 >> $1 }
      default: function.fill(span, a, b)
      }
    }
  }

  static func undefined(_ type: ElementType) -> KernelError {
    KernelError("the operator is not defined for \(type)")
  }
}

extension BinaryFunction {
  /// Fills a span with the function, one that numbers of all types have.
  fileprivate func fill<E: ArithmeticElement>(_ span: Span<E>, _ a: Lane<E>, _ b: Lane<E>) {
    switch self {
    case .add: span.fill(a, b) { E.add($0, $1) }
    case .subtract: span.fill(a, b) { E.subtract($0, $1) }
    case .multiply: span.fill(a, b) { E.multiply($0, $1) }
    case .divide: span.fill(a, b) { E.divide($0, $1) }
    case .maximum: span.fill(a, b) { E.larger($0, $1) }
    case .minimum: span.fill(a, b) { E.smaller($0, $1) }
    case .remainder: span.fill(a, b) { E.remainder($0, $1) }
    case .modulo: span.fill(a, b) { E.modulo($0, $1) }
    case .parametricRelu: span.fill(a, b) { $0 < 0 ? E.multiply($0, $1) : $0 }
    default: preconditionFailure("\(self) of \(E.self)")
    }
  }

  fileprivate func fill(_ span: Span<Bool>, _ a: Lane<Bool>, _ b: Lane<Bool>) {
    switch self {
    case .logicalAnd: span.fill(a, b) { $0 && $1 }
    case .logicalOr: span.fill(a, b) { $0 || $1 }
    case .logicalXor: span.fill(a, b) { $0 != $1 }
    default: preconditionFailure("\(self) of Bool")
    }
  }
}

extension Workspace {
  /// `base` to the power of `exponent`, in the type of `base`; the exponent may have another type.
  ///
  /// Integer powers of integers are exact modulo 2^n; a mixture is computed in float64.
  package func power(_ base: Tensor, _ exponent: Tensor) throws(KernelError) -> Tensor {
    let (base, exponent) = (base, rowMajor(exponent))
    switch base.elementType {
    case .float32: return try power(base, exponent.converted(to: .float32), Float.self)
    case .float64: return try power(base, exponent.converted(to: .float64), Double.self)
    case .bool, .float16, .bfloat16: throw Self.undefined(base.elementType)
    default:
      let plain = rowMajor(base)
      let intermediate: ElementType = exponent.elementType.isInteger ? .int64 : .float64
      let (x, y) = (plain.converted(to: intermediate), exponent.converted(to: intermediate))
      let result =
        intermediate == .int64 ? try power(x, y, Int64.self) : try power(x, y, Double.self)
      return result.converted(to: base.elementType)
    }
  }

  private func power<E: ArithmeticElement>(
    _ base: Tensor, _ exponent: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    try combine(base, exponent) { (span: Span<E>, x, y) in span.fill(x, y) { E.power($0, $1) } }
  }
}
