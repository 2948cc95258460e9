package import Graphs
package import Kernels
package import Tensors

/// Where along an axis the extremum lies.
package protocol ExtremumIndexOperator: Operator {
  /// Whether it is the maximum.
  static var findsLargest: Bool { get }

  var form: ExtremumIndexForm { get }
  init(form: ExtremumIndexForm)
}

/// The attributes of `ArgMax` and `ArgMin`.
package struct ExtremumIndexForm: Sendable {
  fileprivate let axis: Int
  fileprivate let keepsDimension: Bool
  fileprivate let selectsLast: Bool
}

extension ExtremumIndexOperator {
  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.init(
      form: ExtremumIndexForm(
        axis: try attributes.int("axis", default: 0),
        keepsDimension: try attributes.flag("keepdims", default: true),
        selectsLast: try attributes.flag("select_last_index", default: false)))
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let axis = try form.axis.normalized(rank: x.shape.rank)
    guard x.elementType != .bool else {
      throw OperatorError("the operator is not defined for bool")
    }
    let shape = x.shape.reduced(along: [axis], keepDimensions: form.keepsDimension)
    guard x.shape[axis] > 0 || shape.elementCount == 0 else {
      throw OperatorError("an axis without elements has no extremum")
    }
    return [TensorType(.int64, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let axis = try form.axis.normalized(rank: x.shape.rank)
    let indices = try workspace.extremum(
      of: x, axis: axis, largest: Self.findsLargest, selectLast: form.selectsLast)
    return [
      indices.reshaped(to: x.shape.reduced(along: [axis], keepDimensions: form.keepsDimension))
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  /// Scaling by a positive number does not move an extremum.
  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree() == .none ? .none : .exactly(0)
  }
}

/// The place of the maximum along an axis: the first one, or the last if asked for.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__ArgMax.html>; `select_last_index` since opset 12.
package struct ArgMax: ExtremumIndexOperator {
  package static let specification = Specification("ArgMax", since: 1)
  package static let findsLargest = true
  package static let examples = [
    Example(
      "first of two", attributes: ["axis": .int(1)],
      inputs: [Tensor([2.0, 2, 1, 0, 3, 3], shape: [2, 3])],
      outputs: [Tensor([0 as Int64, 1], shape: [2, 1])]),
    Example(
      "last of two, axis dropped",
      attributes: ["axis": .int(-1), "keepdims": .int(0), "select_last_index": .int(1)],
      inputs: [Tensor([2.0, 2, 1, 0, 3, 3], shape: [2, 3])],
      outputs: [Tensor([1 as Int64, 2])]),
  ]

  package let form: ExtremumIndexForm
  package init(form: ExtremumIndexForm) { self.form = form }
}

/// The place of the minimum along an axis: the first one, or the last if asked for.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__ArgMin.html>; `select_last_index` since opset 12.
package struct ArgMin: ExtremumIndexOperator {
  package static let specification = Specification("ArgMin", since: 1)
  package static let findsLargest = false
  package static let examples = [
    Example(
      "columns", inputs: [Tensor([2.0, 2, 1, 0, 3, 1], shape: [2, 3])],
      outputs: [Tensor([1 as Int64, 0, 0], shape: [1, 3])])
  ]

  package let form: ExtremumIndexForm
  package init(form: ExtremumIndexForm) { self.form = form }
}

/// How a running sum or product goes along its axis.
struct ScanForm: Sendable {
  /// The axis; nil where an input says it.
  private let axis: Int?
  let isExclusive: Bool
  let isReverse: Bool

  init(axis: Int?, exclusive: Bool, reverse: Bool) {
    self.axis = axis
    self.isExclusive = exclusive
    self.isReverse = reverse
  }

  init(_ attributes: inout Attributes) throws(OperatorError) {
    self.init(
      axis: nil, exclusive: try attributes.flag("exclusive", default: false),
      reverse: try attributes.flag("reverse", default: false))
  }

  /// The axis for an operand of this rank, not negative.
  func axis(_ input: Operand?, rank: Int) throws(OperatorError) -> Int {
    if let axis { return try axis.normalized(rank: rank) }
    guard let input, let number = try input.integers("axis").first, input.shape.elementCount == 1
    else { throw OperatorError("axis must be one integer") }
    return try number.normalized(rank: rank)
  }

  /// Refuses operands that cannot be accumulated; otherwise the type of the result.
  func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    _ = try axis(inputs.optional(1), rank: x.shape.rank)
    switch x.elementType {
    case .float32, .float64, .int32, .int64, .uint32, .uint64: return [x.type]
    default: throw OperatorError("the operator is not defined for \(x.elementType)")
    }
  }

  func forward(
    _ inputs: [Tensor?], products: Bool, in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let axis = try axis(inputs.optional(1).map(Operand.init(constant:)), rank: x.shape.rank)
    return [
      try workspace.accumulate(
        x, axis: axis, products: products, exclusive: isExclusive, reverse: isReverse)
    ]
  }
}

/// Running sums along an axis.
///
/// Gradient: running sums of dy from the other end.
/// <https://onnx.ai/onnx/operators/onnx__CumSum.html>.
package struct CumSum: Lowerable {
  private let form: ScanForm

  package static let specification = Specification("CumSum", since: 11, inputs: 1...2)
  package static let examples = [
    Example(
      "rows", inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]), Tensor(scalar: 1 as Int64)],
      outputs: [Tensor([1.0, 3, 6, 4, 9, 15], shape: [2, 3])], differentiable: [0]),
    Example(
      "exclusive, from the end", attributes: ["exclusive": .int(1), "reverse": .int(1)],
      inputs: [Tensor([1.0, 2, 3]), Tensor(scalar: 0 as Int64)], outputs: [Tensor([5.0, 3, 0])],
      differentiable: [0]),
  ]

  package init(axis: Int, exclusive: Bool, reverse: Bool) {
    self.form = ScanForm(axis: axis, exclusive: exclusive, reverse: reverse)
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.form = try ScanForm(&attributes)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try form.infer(inputs)
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try form.forward(inputs, products: false, in: workspace)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let rank = try context.type(of: try context.input(0)).shape.rank
    let axis = try form.axis(context.operand(1), rank: rank)
    let back = CumSum(axis: axis, exclusive: form.isExclusive, reverse: !form.isReverse)
    return [try context.append(back, try context.outputGradient()), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let axis = try form.axis(context.operand(1), rank: try context.shape(of: x).rank)
    return try context.write(
      CumSum.self, [x, context.constant(Tensor(scalar: Int64(axis)))],
      ["exclusive": .int(form.isExclusive ? 1 : 0), "reverse": .int(form.isReverse ? 1 : 0)])
  }
}

/// Running products along an axis.
///
/// The gradient is not defined. <https://onnx.ai/onnx/operators/onnx__CumProd.html>.
package struct CumProd: Operator {
  private let form: ScanForm

  package static let specification = Specification("CumProd", since: 26, inputs: 1...2)
  package static let examples = [
    Example(
      "rows", inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]), Tensor(scalar: 1 as Int64)],
      outputs: [Tensor([1.0, 2, 6, 4, 20, 120], shape: [2, 3])]),
    Example(
      "exclusive, from the end", attributes: ["exclusive": .int(1), "reverse": .int(1)],
      inputs: [Tensor([1.0, 2, 3]), Tensor(scalar: 0 as Int64)], outputs: [Tensor([6.0, 3, 1])]),
  ]

  package init(axis: Int, exclusive: Bool, reverse: Bool) {
    self.form = ScanForm(axis: axis, exclusive: exclusive, reverse: reverse)
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.form = try ScanForm(&attributes)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try form.infer(inputs)
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try form.forward(inputs, products: true, in: workspace)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 0, "the factors of a running product")
    return [nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "CumProd multiplies more and more values")
  }
}

extension GradientContext {
  /// The type and content of an input, where it is there.
  func operand(_ index: Int) -> Operand? {
    guard index < node.inputs.count, let value = node.inputs[index] else { return nil }
    return builder.operand(of: value)
  }
}
