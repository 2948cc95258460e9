package import Graphs
package import Kernels
package import Tensors

/// Which axes a reduction runs along, and what becomes of them.
package struct ReductionForm: Sendable {
  private let axes: [Int]?
  /// Whether the result keeps the reduced axes, with an extent of 1.
  let keepDimensions: Bool
  private let isNoopWithoutAxes: Bool
  private let takesAxesAsInput: Bool

  /// A reduction along these axes, negative ones counted from the end; nil for all.
  init(axes: [Int]?, keepDimensions: Bool) {
    self.axes = axes
    self.keepDimensions = keepDimensions
    self.isNoopWithoutAxes = false
    self.takesAxesAsInput = false
  }

  /// The form that a node describes; axes are an input from opset `axesInputSince` on.
  init(_ attributes: inout Attributes, axesInputSince opset: Int) throws(OperatorError) {
    self.keepDimensions = try attributes.flag("keepdims", default: true)
    self.takesAxesAsInput = attributes.opset >= opset
    if takesAxesAsInput {
      self.axes = nil
      self.isNoopWithoutAxes = try attributes.flag("noop_with_empty_axes", default: false)
    } else {
      guard attributes.inputCount == 1 else {
        throw OperatorError("axes are an attribute before opset \(opset), not an input")
      }
      self.axes = try attributes.ints("axes")
      self.isNoopWithoutAxes = false
    }
  }

  /// The axes for an operand of this rank, sorted, none negative.
  ///
  /// - Parameter given: the content of the input for axes, where there is one.
  package func axes(_ given: [Int]?, rank: Int) throws(OperatorError) -> [Int] {
    let listed = (takesAxesAsInput ? given : axes) ?? []
    if listed.isEmpty { return isNoopWithoutAxes ? [] : Array(0..<rank) }
    return try Set(listed.map { axis throws(OperatorError) in try axis.normalized(rank: rank) })
      .sorted()
  }

}

extension Int {
  /// This axis counted from the front; negative ones count from behind the last dimension.
  ///
  /// - Throws: if a tensor of this rank has no such axis.
  func normalized(rank: Int) throws(OperatorError) -> Int {
    guard self >= -rank, self < rank else {
      throw OperatorError("axis \(self) is outside of a tensor of rank \(rank)")
    }
    return self < 0 ? self + rank : self
  }
}

/// An operator that turns the elements along some axes into one.
///
/// Its file states the reduction, the derivative and how it scales.
package protocol ReductionOperator: Lowerable {
  /// What is computed.
  static var reduction: Reduction { get }

  /// The first opset in which the axes are an input.
  static var axesInputSince: Int { get }

  var form: ReductionForm { get }

  /// The operator of this form.
  init(form: ReductionForm)

  /// The gradient of the operand, in its shape. `y` and `dy` have kept the reduced axes.
  func gradient(_ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes) -> Formula
}

/// What a gradient rule knows of the reduction that it belongs to.
package struct ReducedAxes {
  /// The axes, sorted, none negative.
  package let axes: [Int]
  /// The shape of the operand.
  package let shape: Shape

  /// Elements that became one.
  var count: Int { axes.reduce(1) { $0 * shape[$1] } }

  /// A formula in the reduced shape stretched to that of the operand.
  func stretch(_ formula: Formula) -> Formula { Formula(StretchToShape(shape), formula) }
}

extension ReductionOperator {
  package static var axesInputSince: Int { 18 }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.init(form: try ReductionForm(&attributes, axesInputSince: Self.axesInputSince))
  }

  /// A reduction along these axes; nil for all.
  package init(axes: [Int]?, keepDimensions: Bool) {
    self.init(form: ReductionForm(axes: axes, keepDimensions: keepDimensions))
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let isLogical = Self.reduction == .maximum || Self.reduction == .minimum
    guard x.elementType != .bool || isLogical else {
      throw OperatorError("the operator is not defined for bool")
    }
    let given = try inputs.optional(1)?.integers("axes")
    let axes = try form.axes(given, rank: x.shape.rank)
    let shape = x.shape.reduced(along: axes, keepDimensions: form.keepDimensions)
    return [TensorType(x.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let given = try inputs.optional(1).map { tensor throws(OperatorError) in
      try Operand(constant: tensor).integers("axes")
    }
    let axes = try form.axes(given, rank: x.shape.rank)
    return [
      try workspace.reduce(
        Self.reduction, x, axes: axes, keepDimensions: form.keepDimensions)
    ]
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let given = try context.operand(1)?.integers("axes")
    let axes = try form.axes(given, rank: try context.shape(of: x).rank)
    let keeps = AttributeValue.int(form.keepDimensions ? 1 : 0)
    guard !axes.isEmpty else { return [try loweredWithoutAxes(x, &context)] }
    guard context.opset >= Self.axesInputSince else {
      return try context.write(Self.self, [x], ["axes": .ints(axes), "keepdims": keeps])
    }
    return try context.write(Self.self, [x, context.integers(axes)], ["keepdims": keeps])
  }

  /// Along no axes, which an older opset cannot say, most reductions leave their operand as it is.
  private func loweredWithoutAxes(
    _ x: Value, _ context: inout LoweringContext
  ) throws(OperatorError) -> Value {
    switch Self.reduction {
    case .sum, .mean, .maximum, .minimum, .product: return try context.append(Identity(), x)
    default:
      guard context.opset >= Self.axesInputSince else {
        throw OperatorError("a reduction along no axes is new in opset \(Self.axesInputSince)")
      }
      return try context.write(Self.self, [x], ["noop_with_empty_axes": .int(1)])[0]
    }
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let x = try context.input(0)
    let shape = try context.type(of: x).shape
    let given = try context.operand(1)?.integers("axes")
    let along = ReducedAxes(axes: try form.axes(given, rank: shape.rank), shape: shape)
    let kept = shape.reduced(along: along.axes, keepDimensions: true)
    let dy = try context.outputGradient()
    var (keptY, keptDy) = (Formula(context.output()), Formula(dy))
    if !form.keepDimensions {
      (keptY, keptDy) = (keptY.reshaped(to: kept), keptDy.reshaped(to: kept))
    }
    let rule = gradient(Formula(x), keptY, keptDy, along)
    return [try context.append(rule, numbersLike: dy)]
      + context.node.inputs.dropFirst().map { _ in nil }
  }
}
