package import Graphs
package import Kernels
package import Tensors

/// y = min(max(x, low), high); a bound that is left out does not bind.
///
/// Gradient: dy where low ≤ x ≤ high, bounds included, as in PyTorch; none of the bounds.
/// <https://onnx.ai/onnx/operators/onnx__Clip.html>; the bounds are attributes before opset 11.
package struct Clip: Lowerable {
  private let bounds: ClipBounds

  package static let specification = Specification("Clip", since: 1, inputs: 1...3)
  package static let examples = [
    Example(
      "zero to six", inputs: [Tensor([-1.0, 3, 7]), Tensor(scalar: 0.0), Tensor(scalar: 6.0)],
      outputs: [Tensor([0.0, 3, 6])], differentiable: [0]),
    Example(
      "above only", inputs: [Tensor([-1.0, 3, 7]), nil, Tensor(scalar: 6.0)],
      outputs: [Tensor([-1.0, 3, 6])], differentiable: [0]),
    Example(
      "opset 6", attributes: ["min": .float(-1), "max": .float(1)], opset: 6,
      inputs: [Tensor([-3.0, 0.5, 2])], outputs: [Tensor([-1.0, 0.5, 1])], differentiable: [0]),
    Example(
      "integers", inputs: [Tensor([-3 as Int32, 5]), Tensor(scalar: 0 as Int32)],
      outputs: [Tensor([0 as Int32, 5])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.bounds = try ClipBounds(&attributes, inputs: 1)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard UnaryFunction.absolute.isDefined(for: x.elementType) else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    try bounds.check(inputs, x)
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let (low, high) = bounds.tensors(inputs, x.elementType)
    return [try workspace.clip(x, minimum: low, maximum: high)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 1, "the lower bound")
    try context.refuseGradient(of: 2, "the upper bound")
    let inputs = [try context.outputGradient()] + context.node.inputs
    let gradient = try context.builder.append(
      ClipGradient(bounds), inputs, name: "\(context.node.name)/gradient")
    return gradient + [nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    for case let bound? in inputs.dropFirst() where bound.constant == nil {
      return try inputs.constantDegree(or: "the bounds of Clip are not constant")
    }
    let numbers = inputs.map { $0?.constant?.converted(to: .float64) }
    let (low, high) = bounds.tensors(numbers, .float64)
    let limits = [low, high].map { $0?.elements(as: Double.self).first }
    let isCone = limits.allSatisfy { limit in
      limit.map { $0 == 0 || abs($0) >= Double(Float.greatestFiniteMagnitude) } ?? true
    }
    if isCone { return try inputs.firstDegree() }
    let range = zip(limits, ["-inf", "inf"]).map { limit, open in
      limit.map { Int(exactly: $0).map(String.init) ?? String($0) } ?? open
    }
    return try inputs.constantDegree(or: "Clip(\(range.joined(separator: ", "))) saturates")
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let (low, high) = try bounds.values(&context, like: x)
    return try context.write(Clip.self, [x, low, high], [:])
  }
}

/// The gradient of `Clip`: the first operand where the second lies within the bounds, otherwise 0.
///
/// Gradient: itself of the first operand; zero almost everywhere of the others.
package struct ClipGradient: Lowerable {
  private let bounds: ClipBounds

  package static let specification = Specification(internal: "ClipGradient", inputs: 2...4)
  package static let examples = [
    Example(
      "the bounds belong to the slope",
      inputs: [
        Tensor([1.0, 2, 3, 4]), Tensor([-1.0, 0, 6, 7]), Tensor(scalar: 0.0), Tensor(scalar: 6.0),
      ], outputs: [Tensor([0.0, 2, 3, 0])], differentiable: [0])
  ]

  init(_ bounds: ClipBounds) { self.bounds = bounds.afterOneMoreInput() }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.bounds = try ClipBounds(&attributes, inputs: 2)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    guard dy.type == x.type, x.elementType.isFloatingPoint else {
      throw OperatorError("a gradient of type \(dy.type) for \(x.type)")
    }
    try bounds.check(inputs, x)
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    let (low, high) = bounds.tensors(inputs, x.elementType)
    return [try workspace.clipGradient(dy, x, minimum: low, maximum: high)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let inputs = [try context.outputGradient()] + context.node.inputs.dropFirst()
    let gradient = try context.builder.append(self, inputs, name: "\(context.node.name)/gradient")
    return gradient + context.node.inputs.dropFirst().map { _ in nil }
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "the slope of Clip depends on the model's input")
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, x) = (try context.input(0), try context.input(1))
    let (low, high) = try bounds.values(&context, like: x)
    var gradient = dy
    if let low {
      gradient = try context.keep(gradient, where: context.append(GreaterOrEqual(), x, low))
    }
    if let high {
      gradient = try context.keep(gradient, where: context.append(LessOrEqual(), x, high))
    }
    return [gradient == dy ? try context.append(Identity(), dy) : gradient]
  }
}

/// Where `Clip` and its gradient find their bounds: in attributes, or in inputs that may be absent.
struct ClipBounds: Sendable {
  private let low: Double?
  private let high: Double?
  /// The input that may hold the lower bound; the upper one is next.
  private let firstInput: Int

  /// The bounds of a node with this many inputs before them.
  init(_ attributes: inout Attributes, inputs: Int) throws(OperatorError) {
    if attributes.opset < 11 {
      attributes.ignoreLegacyHints()
      guard attributes.inputCount <= inputs else {
        throw OperatorError("bounds are attributes before opset 11, not inputs")
      }
      self.low = try attributes.float("min")
      self.high = try attributes.float("max")
    } else {
      (self.low, self.high) = (nil, nil)
    }
    self.firstInput = inputs
  }

  private init(low: Double?, high: Double?, firstInput: Int) {
    self.low = low
    self.high = high
    self.firstInput = firstInput
  }

  /// The same bounds for a node with one more input before them.
  func afterOneMoreInput() -> ClipBounds {
    ClipBounds(low: low, high: high, firstInput: firstInput + 1)
  }

  /// Refuses bounds that are not single numbers of the type of `x`.
  func check(_ inputs: [Operand?], _ x: Operand) throws(OperatorError) {
    for case let bound? in inputs.dropFirst(firstInput) {
      guard bound.shape.elementCount == 1, bound.elementType == x.elementType else {
        throw OperatorError("a bound must be one \(x.elementType), not \(bound.type)")
      }
    }
  }

  /// The bounds as scalars in a graph that is lowered.
  func values(
    _ context: inout LoweringContext, like x: Value
  ) throws(OperatorError) -> (low: Value?, high: Value?) {
    func bound(_ number: Double?, _ index: Int) throws(OperatorError) -> Value? {
      if let number { return try context.scalar(number, like: x) }
      guard let value = context.optionalInput(index) else { return nil }
      return try context.shape(of: value).isEmpty ? value : context.reshape(value, to: [])
    }
    return (try bound(low, firstInput), try bound(high, firstInput + 1))
  }

  /// The bounds as scalars.
  func tensors(_ inputs: [Tensor?], _ type: ElementType) -> (low: Tensor?, high: Tensor?) {
    (
      low.map { Tensor(scalar: $0).converted(to: type) } ?? inputs.optional(firstInput),
      high.map { Tensor(scalar: $0).converted(to: type) } ?? inputs.optional(firstInput + 1)
    )
  }
}
