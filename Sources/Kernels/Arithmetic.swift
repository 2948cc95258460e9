import Glibc
import Tensors

/// The arithmetic of elementwise operators: IEEE 754 for floats, modulo 2^n for integers.
///
/// No operation traps, whatever the operands.
protocol ArithmeticElement: NumericElement {
  static func add(_ a: Self, _ b: Self) -> Self
  static func subtract(_ a: Self, _ b: Self) -> Self
  static func multiply(_ a: Self, _ b: Self) -> Self
  /// The quotient, rounded toward zero for integers; something for an integer divided by zero.
  static func divide(_ a: Self, _ b: Self) -> Self
  /// The remainder of truncated division, with the sign of `a`: C's fmod.
  static func remainder(_ a: Self, _ b: Self) -> Self
  /// The remainder of floored division, with the sign of `b`: Python's `%`.
  static func modulo(_ a: Self, _ b: Self) -> Self
  /// `base` to the power of `exponent`.
  static func power(_ base: Self, _ exponent: Self) -> Self
  static func negate(_ x: Self) -> Self
  static func absolute(_ x: Self) -> Self
  /// The number of elements a mean divides by.
  init(count: Int)
  /// The least and the greatest value: where maxima and minima of nothing start.
  static var least: Self { get }
  static var greatest: Self { get }
}

extension ArithmeticElement {
  /// The larger one; NaN if either is.
  @inline(__always)
  static func larger(_ a: Self, _ b: Self) -> Self { a > b || a != a ? a : b }

  /// The smaller one; NaN if either is.
  @inline(__always)
  static func smaller(_ a: Self, _ b: Self) -> Self { a < b || a != a ? a : b }
}

extension ArithmeticElement where Self: FixedWidthInteger {
  @inline(__always) static func add(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self { a &- b }
  @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self { a &* b }
  static func divide(_ a: Self, _ b: Self) -> Self {
    a.dividedReportingOverflow(by: b).partialValue
  }
  static func remainder(_ a: Self, _ b: Self) -> Self {
    b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue
  }
  static func modulo(_ a: Self, _ b: Self) -> Self {
    let rest = remainder(a, b)
    return rest != 0 && (rest < 0) != (b < 0) ? rest &+ b : rest
  }
  static func power(_ base: Self, _ exponent: Self) -> Self {
    guard exponent >= 0 else {
      return base == 1 ? 1 : base &+ 1 == 0 ? (exponent & 1 == 0 ? 1 : base) : 0
    }
    var (result, square, rest): (Self, Self, Self) = (1, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = result &* square }
      square = square &* square
      rest >>= 1
    }
    return result
  }
  @inline(__always) static func negate(_ x: Self) -> Self { 0 &- x }
  @inline(__always) static func absolute(_ x: Self) -> Self { x < 0 ? 0 &- x : x }
  init(count: Int) { self.init(truncatingIfNeeded: count) }
  static var least: Self { min }
  static var greatest: Self { max }
}

/// A floating-point element with the functions of the C library.
protocol RealElement: ArithmeticElement, BinaryFloatingPoint {
  static func exp(_ x: Self) -> Self
  static func expm1(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  static func log1p(_ x: Self) -> Self
  static func pow(_ x: Self, _ y: Self) -> Self
  static func fmod(_ x: Self, _ y: Self) -> Self
  static func erf(_ x: Self) -> Self
  static func erfc(_ x: Self) -> Self
  static func sin(_ x: Self) -> Self
  static func cos(_ x: Self) -> Self
  static func tan(_ x: Self) -> Self
  static func asin(_ x: Self) -> Self
  static func acos(_ x: Self) -> Self
  static func atan(_ x: Self) -> Self
  static func sinh(_ x: Self) -> Self
  static func cosh(_ x: Self) -> Self
  static func tanh(_ x: Self) -> Self
  static func asinh(_ x: Self) -> Self
  static func acosh(_ x: Self) -> Self
  static func atanh(_ x: Self) -> Self
  /// The logistic function, 1 / (1 + exp(-x)).
  static func sigmoid(_ x: Self) -> Self
}

extension ArithmeticElement where Self: RealElement {
  @inline(__always) static func add(_ a: Self, _ b: Self) -> Self { a + b }
  @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self { a - b }
  @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self { a * b }
  @inline(__always) static func divide(_ a: Self, _ b: Self) -> Self { a / b }
  static func remainder(_ a: Self, _ b: Self) -> Self { fmod(a, b) }
  static func modulo(_ a: Self, _ b: Self) -> Self { a - b * (a / b).rounded(.down) }
  static func power(_ base: Self, _ exponent: Self) -> Self {
    exponent == 2 ? base * base : pow(base, exponent)
  }
  @inline(__always) static func negate(_ x: Self) -> Self { -x }
  @inline(__always) static func absolute(_ x: Self) -> Self { x.magnitude }
  init(count: Int) { self.init(count) }
  static var least: Self { -.infinity }
  static var greatest: Self { .infinity }
}

extension Int8: ArithmeticElement {}
extension Int16: ArithmeticElement {}
extension Int32: ArithmeticElement {}
extension Int64: ArithmeticElement {}
extension UInt8: ArithmeticElement {}
extension UInt16: ArithmeticElement {}
extension UInt32: ArithmeticElement {}
extension UInt64: ArithmeticElement {}

extension Float: RealElement {
  static func exp(_ x: Float) -> Float { Glibc.expf(x) }
  static func expm1(_ x: Float) -> Float { Glibc.expm1f(x) }
  static func log(_ x: Float) -> Float { Glibc.logf(x) }
  static func log1p(_ x: Float) -> Float { Glibc.log1pf(x) }
  static func pow(_ x: Float, _ y: Float) -> Float { Glibc.powf(x, y) }
  static func fmod(_ x: Float, _ y: Float) -> Float { Glibc.fmodf(x, y) }
  static func erf(_ x: Float) -> Float { Glibc.erff(x) }
  static func erfc(_ x: Float) -> Float { Glibc.erfcf(x) }
  static func sin(_ x: Float) -> Float { Glibc.sinf(x) }
  static func cos(_ x: Float) -> Float { Glibc.cosf(x) }
  static func tan(_ x: Float) -> Float { Glibc.tanf(x) }
  static func asin(_ x: Float) -> Float { Glibc.asinf(x) }
  static func acos(_ x: Float) -> Float { Glibc.acosf(x) }
  static func atan(_ x: Float) -> Float { Glibc.atanf(x) }
  static func sinh(_ x: Float) -> Float { Glibc.sinhf(x) }
  static func cosh(_ x: Float) -> Float { Glibc.coshf(x) }
  static func tanh(_ x: Float) -> Float { Glibc.tanhf(x) }
  static func asinh(_ x: Float) -> Float { Glibc.asinhf(x) }
  static func acosh(_ x: Float) -> Float { Glibc.acoshf(x) }
  static func atanh(_ x: Float) -> Float { Glibc.atanhf(x) }
}

extension Double: RealElement {
  static func exp(_ x: Double) -> Double { Glibc.exp(x) }
  static func expm1(_ x: Double) -> Double { Glibc.expm1(x) }
  static func log(_ x: Double) -> Double { Glibc.log(x) }
  static func log1p(_ x: Double) -> Double { Glibc.log1p(x) }
  static func pow(_ x: Double, _ y: Double) -> Double { Glibc.pow(x, y) }
  static func fmod(_ x: Double, _ y: Double) -> Double { Glibc.fmod(x, y) }
  static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  static func erfc(_ x: Double) -> Double { Glibc.erfc(x) }
  static func sin(_ x: Double) -> Double { Glibc.sin(x) }
  static func cos(_ x: Double) -> Double { Glibc.cos(x) }
  static func tan(_ x: Double) -> Double { Glibc.tan(x) }
  static func asin(_ x: Double) -> Double { Glibc.asin(x) }
  static func acos(_ x: Double) -> Double { Glibc.acos(x) }
  static func atan(_ x: Double) -> Double { Glibc.atan(x) }
  static func sinh(_ x: Double) -> Double { Glibc.sinh(x) }
  static func cosh(_ x: Double) -> Double { Glibc.cosh(x) }
  static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
  static func asinh(_ x: Double) -> Double { Glibc.asinh(x) }
  static func acosh(_ x: Double) -> Double { Glibc.acosh(x) }
  static func atanh(_ x: Double) -> Double { Glibc.atanh(x) }
}
