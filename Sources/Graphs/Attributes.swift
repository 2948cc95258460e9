import Kernels
package import Tensors

/// The content of one attribute of a node.
package enum AttributeValue: Sendable {
  case int(Int)
  case float(Double)
  case string(String)
  case tensor(Tensor)
  case ints([Int])
  case floats([Double])
  case strings([String])
}

/// The attributes of a node, taken out one by one; what nobody has taken is refused.
package struct Attributes: Sendable {
  /// The opset of the operator's domain that the model was written for.
  package let opset: Int
  /// The number of inputs that the node has, omitted ones included.
  package let inputCount: Int
  /// The number of outputs that the node has.
  package let outputCount: Int
  /// The floating-point types that the graph computes in.
  package let precision: Precision

  private var values: [String: AttributeValue]

  package init(
    _ values: [String: AttributeValue] = [:], opset: Int = Specification.newestOpset,
    inputCount: Int = 1, outputCount: Int = 1, precision: Precision = .declared
  ) {
    self.values = values
    self.opset = opset
    self.inputCount = inputCount
    self.outputCount = outputCount
    self.precision = precision
  }

  /// The names that nobody has taken, sorted.
  package var untaken: [String] { values.keys.sorted() }

  /// Whether the node has this attribute and nobody has taken it.
  package func contains(_ name: String) -> Bool { values[name] != nil }

  package mutating func int(_ name: String) throws(OperatorError) -> Int? {
    switch values.removeValue(forKey: name) {
    case nil: nil
    case .int(let value): value
    default: throw Self.mismatch(name, "an integer")
    }
  }

  package mutating func int(_ name: String, default fallback: Int) throws(OperatorError) -> Int {
    try int(name) ?? fallback
  }

  /// An integer that means true unless it is 0.
  package mutating func flag(_ name: String, default fallback: Bool) throws(OperatorError) -> Bool {
    try int(name).map { $0 != 0 } ?? fallback
  }

  package mutating func float(_ name: String) throws(OperatorError) -> Double? {
    switch values.removeValue(forKey: name) {
    case nil: nil
    case .float(let value): value
    default: throw Self.mismatch(name, "a float")
    }
  }

  package mutating func float(
    _ name: String, default fallback: Double
  ) throws(OperatorError) -> Double {
    try float(name) ?? fallback
  }

  package mutating func string(_ name: String) throws(OperatorError) -> String? {
    switch values.removeValue(forKey: name) {
    case nil: nil
    case .string(let value): value
    default: throw Self.mismatch(name, "a string")
    }
  }

  package mutating func ints(_ name: String) throws(OperatorError) -> [Int]? {
    switch values.removeValue(forKey: name) {
    case nil: nil
    case .ints(let value): value
    default: throw Self.mismatch(name, "a list of integers")
    }
  }

  package mutating func floats(_ name: String) throws(OperatorError) -> [Double]? {
    switch values.removeValue(forKey: name) {
    case nil: nil
    case .floats(let value): value
    default: throw Self.mismatch(name, "a list of floats")
    }
  }

  /// A tensor, its floating-point elements in the precision of the graph.
  package mutating func tensor(_ name: String) throws(OperatorError) -> Tensor? {
    switch values.removeValue(forKey: name) {
    case nil: nil
    case .tensor(let value): value.converted(to: precision.computeType(of: value.elementType))
    default: throw Self.mismatch(name, "a tensor")
    }
  }

  /// An element type given by its number in TensorProto.DataType, in the precision of the graph.
  package mutating func elementType(_ name: String) throws(OperatorError) -> ElementType? {
    guard let number = try int(name) else { return nil }
    guard let type = ElementType(onnx: number) else {
      throw OperatorError("attribute \(name): element type \(number) is not supported")
    }
    return precision.computeType(of: type)
  }

  /// Takes an attribute that changes nothing here; the reason stands at the call.
  package mutating func ignore(_ name: String) { values.removeValue(forKey: name) }

  private static func mismatch(_ name: String, _ expected: String) -> OperatorError {
    OperatorError("attribute \(name) must be \(expected)")
  }
}

/// The floating-point types that a model computes in.
public enum Precision: String, Sendable, CaseIterable {
  /// As the file declares them, the 16-bit types widened to float32.
  case declared = "float32"
  /// As declared, but convolutions in bfloat16, which only some processors have; scores at the ends of
  /// a path stay as declared.
  case bf16
  /// As declared, but convolutions of gradients in bfloat16; the forward pass stays as declared.
  case bf16Gradients = "bf16-gradients"
  /// Everything in float64, by plain loops: slow, and the reference of the fast kernels.
  case float64

  /// Whether bfloat16 is among the types.
  package var isNarrow: Bool { self == .bf16 || self == .bf16Gradients }

  /// The type in which values declared as `type` are computed.
  package func computeType(of type: ElementType) -> ElementType {
    switch (self, type) {
    case (.float64, _) where type.isFloatingPoint: .float64
    case (_, .float16), (_, .bfloat16): .float32
    default: type
    }
  }
}

extension ElementType {
  /// The type with this number in ONNX's TensorProto.DataType, where it is one that we know.
  package init?(onnx number: Int) {
    guard let type = Self.onnxNumbers.first(where: { $0.value == number })?.key else { return nil }
    self = type
  }

  /// The number in ONNX's TensorProto.DataType.
  package var onnxNumber: Int { Self.onnxNumbers[self] ?? 0 }

  private static let onnxNumbers: [ElementType: Int] = [
    .float32: 1, .uint8: 2, .int8: 3, .uint16: 4, .int16: 5, .int32: 6, .int64: 7, .bool: 9,
    .float16: 10, .float64: 11, .uint32: 12, .uint64: 13, .bfloat16: 16,
  ]
}
