/// The type of a tensor's elements.
///
/// The cases are ONNX's numeric types of eight bits and more; strings, complex numbers and the
/// packed four-bit types are refused at import.
public enum ElementType: String, Sendable, CaseIterable {
  case float32, float64, float16, bfloat16
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case bool

  /// Bytes that one element takes.
  public var size: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  /// Whether the elements are floating-point numbers: the types that carry a gradient.
  public var isFloatingPoint: Bool {
    switch self {
    case .float32, .float64, .float16, .bfloat16: true
    default: false
    }
  }

  /// Whether the elements are integers; Booleans are not.
  public var isInteger: Bool { !isFloatingPoint && self != .bool }
}

/// A Swift type whose values are the elements of a tensor.
public protocol Element: BitwiseCopyable, Sendable, Equatable {
  /// The element type that tensors of this Swift type carry.
  static var elementType: ElementType { get }
}

/// An element with an order and arithmetic: everything but `Bool`.
public protocol NumericElement: Element, Comparable, Numeric {
  /// The nearest value of this type; integers round toward zero and saturate.
  init(converting value: Double)
  /// This value in double precision.
  var asDouble: Double { get }
}

extension NumericElement where Self: BinaryFloatingPoint {
  public init(converting value: Double) { self = Self(value) }
  public var asDouble: Double { Double(self) }
}

extension NumericElement where Self: FixedWidthInteger {
  public init(converting value: Double) {
    let whole = value.rounded(.towardZero)
    if let exact = Self(exactly: whole) {
      self = exact
    } else {
      self = whole < 0 ? .min : whole > 0 ? .max : 0
    }
  }
  public var asDouble: Double { Double(self) }
}

extension Float: NumericElement { public static var elementType: ElementType { .float32 } }
extension Double: NumericElement { public static var elementType: ElementType { .float64 } }
extension Float16: NumericElement { public static var elementType: ElementType { .float16 } }
extension Int8: NumericElement { public static var elementType: ElementType { .int8 } }
extension Int16: NumericElement { public static var elementType: ElementType { .int16 } }
extension Int32: NumericElement { public static var elementType: ElementType { .int32 } }
extension Int64: NumericElement { public static var elementType: ElementType { .int64 } }
extension UInt8: NumericElement { public static var elementType: ElementType { .uint8 } }
extension UInt16: NumericElement { public static var elementType: ElementType { .uint16 } }
extension UInt32: NumericElement { public static var elementType: ElementType { .uint32 } }
extension UInt64: NumericElement { public static var elementType: ElementType { .uint64 } }
extension Bool: Element { public static var elementType: ElementType { .bool } }

/// A 16-bit float with the exponent range of `Float`: the upper half of its bits.
public struct BFloat16: Element {
  /// Sign, eight bits of exponent, seven of significand.
  public var bitPattern: UInt16

  /// The number with these bits.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// This number, exactly, in single precision.
  public var asFloat: Float { Float(bitPattern: UInt32(bitPattern) << 16) }

  public static var elementType: ElementType { .bfloat16 }
}
