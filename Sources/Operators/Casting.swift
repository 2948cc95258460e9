package import Graphs
package import Kernels
package import Tensors

/// y = x, of any type.
///
/// Gradient: dy. <https://onnx.ai/onnx/operators/onnx__Identity.html>.
package struct Identity: Attributeless {
  package static let specification = Specification("Identity", since: 1)
  package static let examples = [
    Example(
      "a vector", inputs: [Tensor([1.0, -2])], outputs: [Tensor([1.0, -2])], differentiable: [0]),
    Example("Booleans", inputs: [Tensor([true])], outputs: [Tensor([true])]),
  ]

  package init() {}
  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [try inputs.required(0).type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [try context.outputGradient()]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// y = x: dropout at inference; a mask that is asked for is true everywhere.
///
/// Gradient: dy. Training is refused, unless the ratio is 0.
/// <https://onnx.ai/onnx/operators/onnx__Dropout.html>; `is_test` before opset 7, ratio and
/// training_mode as inputs since 12, a mask of the type of x before 10.
package struct Dropout: Operator {
  private let outputCount: Int
  private let hasBooleanMask: Bool

  package static let specification = Specification(
    "Dropout", since: 1, inputs: 1...3, outputs: 1...2)
  package static let examples = [
    Example(
      "inference", inputs: [Tensor([1.0, -2]), Tensor(scalar: 0.5)], outputs: [Tensor([1.0, -2])],
      differentiable: [0]),
    Example(
      "with a mask", inputs: [Tensor([1.0, -2]), nil, Tensor(scalar: false)],
      outputs: [Tensor([1.0, -2]), Tensor([true, true])], differentiable: [0]),
    Example(
      "opset 7", attributes: ["ratio": .float(0.25)], opset: 7, inputs: [Tensor([1.0, -2])],
      outputs: [Tensor([1.0, -2]), Tensor([1.0, 1])]),
    Example(
      "opset 6", attributes: ["is_test": .int(1)], opset: 6, inputs: [Tensor([1.0, -2])],
      outputs: [Tensor([1.0, -2])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    if attributes.opset < 7 {
      guard try attributes.flag("is_test", default: false) else {
        throw OperatorError("dropout in training is not supported; export with is_test = 1")
      }
    }
    if attributes.opset < 12 {
      attributes.ignore("ratio")
      guard attributes.inputCount == 1 else {
        throw OperatorError("inputs for ratio and training_mode exist since opset 12")
      }
    } else {
      attributes.ignore("seed")
    }
    self.outputCount = attributes.outputCount
    self.hasBooleanMask = attributes.opset >= 10
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    var drops = true
    if let ratio = inputs.optional(1), ratio.constant != nil {
      drops = try ratio.scalar("ratio") != 0
    }
    if drops, let training = inputs.optional(2), try training.isTrue("training_mode") {
      throw OperatorError("dropout in training is not supported; export in evaluation mode")
    }
    let mask = TensorType(hasBooleanMask ? .bool : x.elementType, x.shape)
    return outputCount > 1 ? [x.type, mask] : [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    guard outputCount > 1 else { return [x] }
    let mask = Tensor(repeating: true, shape: x.shape)
    return [x, hasBooleanMask ? mask : mask.converted(to: x.elementType)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [try context.outputGradient(), nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

extension Operand {
  /// The truth value in a constant operand of one element.
  fileprivate func isTrue(_ role: String) throws(OperatorError) -> Bool {
    guard let constant, constant.elementCount == 1, constant.elementType == .bool else {
      throw OperatorError("\(role) must be a constant bool")
    }
    return constant.elements(as: Bool.self)[0]
  }
}

/// The elements converted to another type, by the rules of `Tensor.converted(to:)`.
///
/// Gradient: dy converted back, between floating-point types; other types carry none.
/// <https://onnx.ai/onnx/operators/onnx__Cast.html>; `saturate` and `round_mode` concern 8-bit
/// floats only, and opset 1 names the type in a string.
package struct Cast: Spelled {
  private let target: ElementType

  package static let specification = Specification("Cast", since: 1)
  package static let examples = [
    Example(
      "to integers", attributes: ["to": .int(ElementType.int32.onnxNumber)],
      inputs: [Tensor([1.75, -1.75])], outputs: [Tensor([1 as Int32, -1])]),
    Example(
      "from Booleans", attributes: ["to": .int(ElementType.float64.onnxNumber)],
      inputs: [Tensor([true, false])], outputs: [Tensor([1.0, 0])]),
    Example(
      "between floats", attributes: ["to": .int(ElementType.float64.onnxNumber)],
      inputs: [Tensor([1.5, -0.25])], outputs: [Tensor([1.5, -0.25])], differentiable: [0]),
  ]

  package init(to target: ElementType) { self.target = target }

  package var spelling: [String: AttributeValue]? { ["to": .int(target.onnxNumber)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignore("saturate")
    attributes.ignore("round_mode")
    let target: ElementType?
    if attributes.opset < 6 {
      target = try attributes.string("to").flatMap(ElementType.init(legacyName:))
        .map(attributes.precision.computeType)
    } else {
      target = try attributes.elementType("to")
    }
    guard let target else { throw OperatorError("attribute to must name an element type") }
    self.target = target
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [TensorType(target, try inputs.required(0).shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).converted(to: target)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.castBack()
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    if target.isFloatingPoint { return try inputs.firstDegree() }
    return try inputs.constantDegree(or: "converts to \(target), which rounds")
  }
}

/// The elements of the first operand converted to the type of the second.
///
/// Gradient: dy converted back, between floating-point types; none of the second.
/// <https://onnx.ai/onnx/operators/onnx__CastLike.html>.
package struct CastLike: Spelled {
  package static let specification = Specification("CastLike", since: 15, inputs: 2...2)
  package static let examples = [
    Example(
      "to integers", inputs: [Tensor([1.75, -1.75]), Tensor([0 as Int32])],
      outputs: [Tensor([1 as Int32, -1])]),
    Example(
      "between floats", inputs: [Tensor([1.5, -0.25]), Tensor(scalar: 0.0)],
      outputs: [Tensor([1.5, -0.25])], differentiable: [0]),
  ]

  package init() {}

  package var spelling: [String: AttributeValue]? { [:] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignore("saturate")
    attributes.ignore("round_mode")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [TensorType(try inputs.required(1).elementType, try inputs.required(0).shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).converted(to: try inputs.required(1).elementType)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.castBack() + [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    guard let x = inputs.first ?? nil else { return .zero }
    guard !x.degree.isConstant else { return .exactly(0) }
    guard inputs.count > 1, inputs[1]?.constant?.elementType.isFloatingPoint == true else {
      throw Inhomogeneity("converts to a type that is not known to keep fractions")
    }
    return x.degree
  }
}

extension GradientContext {
  /// The gradient of the first output in the type of the first input, where that carries one.
  fileprivate mutating func castBack() throws(OperatorError) -> [Value?] {
    let source = try type(of: try input(0)).elementType
    guard source.isFloatingPoint else { return [nil] }
    return [try append(Cast(to: source), try outputGradient())]
  }
}

extension ElementType {
  /// The type that opset 1 calls by this name, as in `FLOAT`.
  fileprivate init?(legacyName name: String) {
    switch name.uppercased() {
    case "FLOAT": self = .float32
    case "DOUBLE": self = .float64
    case let upper: self.init(rawValue: upper.lowercased())
    }
  }
}

/// Where the elements are not numbers.
///
/// <https://onnx.ai/onnx/operators/onnx__IsNaN.html>.
package struct IsNaN: Attributeless {
  package static let specification = Specification("IsNaN", since: 9)
  package static let examples = [
    Example(
      "one", inputs: [Tensor([1.0, Double.nan, Double.infinity])],
      outputs: [Tensor([false, true, false])])
  ]

  package init() {}

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try inputs.truthOfFloats()
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.isNaN(try inputs.required(0))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    .exactly(0)
  }
}

/// Where the elements are infinite, of the signs asked for.
///
/// <https://onnx.ai/onnx/operators/onnx__IsInf.html>.
package struct IsInf: Operator {
  private let positive: Bool
  private let negative: Bool

  package static let specification = Specification("IsInf", since: 10)
  package static let examples = [
    Example(
      "both signs", inputs: [Tensor([1.0, -Double.infinity, Double.infinity, Double.nan])],
      outputs: [Tensor([false, true, true, false])]),
    Example(
      "negative ones", attributes: ["detect_positive": .int(0)],
      inputs: [Tensor([-Double.infinity, Double.infinity])], outputs: [Tensor([true, false])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.positive = try attributes.flag("detect_positive", default: true)
    self.negative = try attributes.flag("detect_negative", default: true)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try inputs.truthOfFloats()
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [try workspace.isInfinite(x, positive: positive, negative: negative)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    .exactly(0)
  }
}

extension [Operand?] {
  /// One truth value for each element of a floating-point operand.
  fileprivate func truthOfFloats() throws(OperatorError) -> [TensorType] {
    let x = try required(0)
    guard x.elementType.isFloatingPoint else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    return [TensorType(.bool, x.shape)]
  }
}
