import Foundation
package import Graphs
package import Kernels
package import Tensors

/// The axes that are normalised together: one since opset 13, all from one on before.
package struct NormalizedAxes: Sendable {
  private let axis: Int
  private let isFlattening: Bool

  /// One axis, negative ones counted from the end.
  init(axis: Int) {
    self.axis = axis
    self.isFlattening = false
  }

  init(_ attributes: inout Attributes) throws(OperatorError) {
    self.isFlattening = attributes.opset < 13
    self.axis = try attributes.int("axis", default: isFlattening ? 1 : -1)
  }

  /// The axes of an operand of this rank.
  ///
  /// - Throws: if the axis is outside; before opset 13 it may stand behind the last one.
  func range(rank: Int) throws(OperatorError) -> Range<Int> {
    if isFlattening, axis == rank { return rank..<rank }
    let first = try axis.normalized(rank: rank)
    return first..<(isFlattening ? rank : first + 1)
  }
}

/// An operator that compares elements along axes; its rows differ in what the axes are.
package protocol NormalizerOperator: Lowerable {
  static var normalizer: Normalizer { get }

  var axes: NormalizedAxes { get }
  init(axes: NormalizedAxes)

  /// The gradient of x; nil where the derivative is zero almost everywhere.
  ///
  /// - Parameter sum: the sum along the axes, which are kept.
  func gradient(_ y: Formula, _ dy: Formula, sum: (Formula) -> Formula) -> Formula?
}

extension NormalizerOperator {
  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.init(axes: try NormalizedAxes(&attributes))
  }

  /// The meaning since opset 13.
  package init(axis: Int) { self.init(axes: NormalizedAxes(axis: axis)) }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard x.elementType.isFloatingPoint else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    _ = try axes.range(rank: x.shape.rank)
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [
      try workspace.normalize(Self.normalizer, x, axes: try axes.range(rank: x.shape.rank))
    ]
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let shape = try context.shape(of: x)
    let range = try axes.range(rank: shape.rank)
    guard range.count != 1 else {
      return try context.write(Self.self, [x], ["axis": .int(range.lowerBound)])
    }
    let flat = try context.append(Flatten(axis: range.lowerBound), x)
    let normalized = try context.write(Self.self, [flat], ["axis": .int(1)])
    return [try context.reshape(normalized[0], to: shape.dimensions)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let dy = try context.outputGradient()
    let axes = try axes.range(rank: try context.type(of: dy).shape.rank)
    let rule = gradient(Formula(context.output()), Formula(dy)) { terms in
      axes.isEmpty
        ? terms : Formula(ReduceSum(axes: Array(axes), keepDimensions: true), terms)
    }
    return [try context.appendIfWanted(rule, 0, dy)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(
      or: "\(Self.specification.name) depends on differences, which grow with the input")
  }
}

/// y = exp(x) / sum of exp(x), along axes.
///
/// Gradient: y (dy - sum of y dy). <https://onnx.ai/onnx/operators/onnx__Softmax.html>; along one
/// axis (the last by default) since opset 13, along all from `axis` on (1 by default) before.
package struct Softmax: NormalizerOperator {
  package static let specification = Specification("Softmax", since: 1)
  package static let normalizer = Normalizer.softmax
  package static let examples = [
    Example(
      "rows", inputs: [Tensor([0, 0, 1000, 1000 + log(3.0)], shape: [2, 2])],
      outputs: [Tensor([0.5, 0.5, 0.25, 0.75], shape: [2, 2])], differentiable: [0]),
    Example(
      "columns", attributes: ["axis": .int(0)],
      inputs: [Tensor([0, 0, 0, log(3.0)], shape: [2, 2])],
      outputs: [Tensor([0.5, 0.25, 0.5, 0.75], shape: [2, 2])], differentiable: [0]),
    Example(
      "opset 12 flattens", attributes: ["axis": .int(1)], opset: 12,
      inputs: [Tensor([0, log(2.0), 0, log(4.0)], shape: [1, 2, 2])],
      outputs: [Tensor([0.125, 0.25, 0.125, 0.5], shape: [1, 2, 2])], differentiable: [0]),
  ]

  package let axes: NormalizedAxes
  package init(axes: NormalizedAxes) { self.axes = axes }

  package func gradient(_ y: Formula, _ dy: Formula, sum: (Formula) -> Formula) -> Formula? {
    y * (dy - sum(y * dy))
  }
}

/// y = x - log(sum of exp(x)), along axes: the logarithm of `Softmax`.
///
/// Gradient: dy - exp(y) sum of dy. <https://onnx.ai/onnx/operators/onnx__LogSoftmax.html>; axes as
/// in `Softmax`.
package struct LogSoftmax: NormalizerOperator {
  package static let specification = Specification("LogSoftmax", since: 1)
  package static let normalizer = Normalizer.logSoftmax
  package static let examples = [
    Example(
      "rows", inputs: [Tensor([0, 0, 3, 3 + log(3.0)], shape: [2, 2])],
      outputs: [Tensor([-log(2.0), -log(2.0), -log(4.0), log(0.75)], shape: [2, 2])],
      differentiable: [0])
  ]

  package let axes: NormalizedAxes
  package init(axes: NormalizedAxes) { self.axes = axes }

  package func gradient(_ y: Formula, _ dy: Formula, sum: (Formula) -> Formula) -> Formula? {
    dy - Formula(Exp(), y) * sum(dy)
  }
}

/// 1 at the first maximum along axes, 0 elsewhere.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__Hardmax.html>; axes as in `Softmax`.
package struct Hardmax: NormalizerOperator {
  package static let specification = Specification("Hardmax", since: 1)
  package static let normalizer = Normalizer.hardmax
  package static let examples = [
    Example(
      "the first of two", inputs: [Tensor([1.0, 3, 3, 5, 2, 4], shape: [2, 3])],
      outputs: [Tensor([0.0, 1, 0, 1, 0, 0], shape: [2, 3])])
  ]

  package let axes: NormalizedAxes
  package init(axes: NormalizedAxes) { self.axes = axes }

  package func gradient(_ y: Formula, _ dy: Formula, sum: (Formula) -> Formula) -> Formula? { nil }

  /// Scaling by a positive number does not move a maximum.
  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree() == .none ? .none : .exactly(0)
  }
}
