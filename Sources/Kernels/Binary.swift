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
  case bitwiseAnd, bitwiseOr, bitwiseXor
  /// Integers only; a shift by the width or more gives 0.
  case shiftLeft, shiftRight
  case logicalAnd, logicalOr, logicalXor

  /// Whether the function is defined for elements of this type.
  package func isDefined(for type: ElementType) -> Bool {
    switch self {
    case .logicalAnd, .logicalOr, .logicalXor: type == .bool
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight, .modulo: type.isInteger
    case .reluGradient: type == .float32 || type == .float64
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
    case .bool: try logical(function, a, b)
    case .float16, .bfloat16: throw Self.undefined(a.elementType)
    }
  }

  private func real<E: RealElement>(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch function {
    case .reluGradient: try combine(a, b) { (dy: E, y: E) -> E in y > 0 ? dy : 0 }
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight, .modulo, .logicalAnd,
      .logicalOr, .logicalXor:
      throw Self.undefined(E.elementType)
    default: try arithmetic(function, a, b, type)
    }
  }

  private func integer<E: ArithmeticElement & FixedWidthInteger>(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch function {
    case .divide, .modulo, .remainder:
      guard !rowMajor(b).withElements(as: E.self, { $0.contains(0) }) else {
        throw KernelError("an integer is divided by zero")
      }
      return try arithmetic(function, a, b, type)
    case .bitwiseAnd: return try combine(a, b) { (x: E, y: E) -> E in x & y }
    case .bitwiseOr: return try combine(a, b) { (x: E, y: E) -> E in x | y }
    case .bitwiseXor: return try combine(a, b) { (x: E, y: E) -> E in x ^ y }
    case .shiftLeft: return try combine(a, b) { (x: E, y: E) -> E in x << y }
    case .shiftRight: return try combine(a, b) { (x: E, y: E) -> E in x >> y }
    case .logicalAnd, .logicalOr, .logicalXor: throw Self.undefined(E.elementType)
    default: return try arithmetic(function, a, b, type)
    }
  }

  private func logical(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor
  ) throws(KernelError) -> Tensor {
    let (a, b) = (rowMajor(a), rowMajor(b))
    return switch function {
    case .logicalAnd: try combineRowMajor(a, b) { (x: Bool, y: Bool) -> Bool in x && y }
    case .logicalOr: try combineRowMajor(a, b) { (x: Bool, y: Bool) -> Bool in x || y }
    case .logicalXor: try combineRowMajor(a, b) { (x: Bool, y: Bool) -> Bool in x != y }
    default: throw Self.undefined(.bool)
    }
  }

  private func arithmetic<E: ArithmeticElement>(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch function {
    case .add: try combine(a, b) { (x: E, y: E) -> E in E.add(x, y) }
    case .subtract: try combine(a, b) { (x: E, y: E) -> E in E.subtract(x, y) }
    case .multiply: try combine(a, b) { (x: E, y: E) -> E in E.multiply(x, y) }
    case .divide: try combine(a, b) { (x: E, y: E) -> E in E.divide(x, y) }
    case .maximum: try combine(a, b) { (x: E, y: E) -> E in E.maximum(x, y) }
    case .minimum: try combine(a, b) { (x: E, y: E) -> E in E.minimum(x, y) }
    case .remainder: try combine(a, b) { (x: E, y: E) -> E in E.remainder(x, y) }
    case .modulo: try combine(a, b) { (x: E, y: E) -> E in E.modulo(x, y) }
    case .parametricRelu:
      try combine(a, b) { (x: E, slope: E) -> E in x < 0 ? E.multiply(x, slope) : x }
    default: throw Self.undefined(E.elementType)
    }
  }

  static func undefined(_ type: ElementType) -> KernelError {
    KernelError("the operator is not defined for \(type)")
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
    try combine(base, exponent) { (x: E, y: E) -> E in E.power(x, y) }
  }
}
