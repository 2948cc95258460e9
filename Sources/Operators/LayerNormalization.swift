package import Graphs
package import Kernels
package import Tensors

/// y = scale n + bias, n = (x - mean) / √(variance + ε) over the axes from `axis` on.
///
/// Gradients: of x that of n times scale, see `Standardization`; of scale dy n; of bias dy.
/// <https://onnx.ai/onnx/operators/onnx__LayerNormalization.html>.
package struct LayerNormalization: Operator {
  private let form: TrailingNormalization
  private let outputCount: Int
  private let statisticsType: ElementType

  package static let specification = Specification(
    "LayerNormalization", since: 17, inputs: 2...3, outputs: 1...3)
  package static let examples = [
    Example(
      "rows", attributes: ["epsilon": .float(0)],
      inputs: [
        Tensor([1.0, 3, -2, 4], shape: [2, 2]), Tensor([2.0, 0.5]), Tensor([1.0, -1]),
      ], outputs: [Tensor([-1, -0.5, -1, -0.5], shape: [2, 2])]),
    Example(
      "with statistics", attributes: ["axis": .int(1), "epsilon": .float(0)],
      inputs: [Tensor([1.0, 3, -2, 4], shape: [2, 1, 2]), Tensor(scalar: 1.0)],
      outputs: [
        Tensor([-1.0, 1, -1, 1], shape: [2, 1, 2]), Tensor([2.0, 1], shape: [2, 1, 1]),
        Tensor([1, 1.0 / 3], shape: [2, 1, 1]),
      ]),
    Example(
      "three numbers, ε of a half", attributes: ["epsilon": .float(0.5)],
      inputs: [
        Tensor([1.0, 3, 5, -1, 2, 5], shape: [2, 3]), Tensor([2.0, 0.5, -1]),
        Tensor([1.0, -1, 0]),
      ], outputs: [Tensor(LayerNormalization.expected, shape: [2, 3])],
      differentiable: [0, 1, 2]),
  ]

  /// With deviations √(8/3 + 1/2) and √(6 + 1/2).
  private static var expected: [Double] {
    let (a, b) = (2 / (19.0 / 6).squareRoot(), 3 / 6.5.squareRoot())
    return [1 - 2 * a, -1, -a, 1 - 2 * b, -1, -b]
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.form = try TrailingNormalization(&attributes)
    self.outputCount = attributes.outputCount
    let stash = try attributes.elementType("stash_type")
    self.statisticsType = stash ?? attributes.precision.computeType(of: .float32)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try form.check(inputs)
    let statistics = TensorType(
      statisticsType,
      x.shape.reduced(along: Array(try form.axes(of: x.shape)), keepDimensions: true))
    return Array([x.type, statistics, statistics].prefix(outputCount))
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let axes = try form.axes(of: x.shape)
    let result = try workspace.standardize(
      x, runsOf: max(1, x.shape[axes].reduce(1, *)), epsilon: form.epsilon, centring: true)
    let shape = x.shape.reduced(along: Array(axes), keepDimensions: true)
    var outputs = [try form.scaled(result.values, inputs, in: workspace)]
    for statistic in [result.means, result.inverseDeviations].prefix(outputCount - 1) {
      outputs.append(statistic.reshaped(to: shape).converted(to: statisticsType))
    }
    return outputs
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try form.gradient(&context, centring: true)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "LayerNormalization divides by a deviation of the data")
  }
}

/// y = scale x / √(mean of x² + ε) over the axes from `axis` on.
///
/// Gradients: of x that of the quotient times scale, see `Standardization`; of scale dy times the
/// quotient. <https://onnx.ai/onnx/operators/onnx__RMSNormalization.html>.
package struct RMSNormalization: Operator {
  private let form: TrailingNormalization

  package static let specification = Specification(
    "RMSNormalization", since: 23, inputs: 2...2)
  package static let examples = [
    Example(
      "rows", attributes: ["epsilon": .float(0.5)],
      inputs: [Tensor([1.0, 0, 3, 4], shape: [2, 2]), Tensor([2.0, 0.5])],
      outputs: [
        Tensor([2, 0, 6 / 13.0.squareRoot(), 2 / 13.0.squareRoot()], shape: [2, 2])
      ], differentiable: [0, 1])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.form = try TrailingNormalization(&attributes)
    attributes.ignore("stash_type")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [try form.check(inputs).type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let length = max(1, x.shape[try form.axes(of: x.shape)].reduce(1, *))
    let result = try workspace.standardize(
      x, runsOf: length, epsilon: form.epsilon, centring: false)
    return [try form.scaled(result.values, inputs, in: workspace)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try form.gradient(&context, centring: false)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "RMSNormalization divides by a root mean square of the data")
  }
}

/// A normalisation over all axes from one on, with a scale and perhaps a bias that stretch to x.
struct TrailingNormalization: Sendable {
  private let axis: Int
  let epsilon: Double

  init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: -1)
    self.epsilon = try attributes.float("epsilon", default: 1e-5)
  }

  /// The axes that are normalised.
  func axes(of shape: Shape) throws(OperatorError) -> Range<Int> {
    try axis.normalized(rank: shape.rank)..<shape.rank
  }

  /// The operand to normalise, after all operands have been checked.
  func check(_ inputs: [Operand?]) throws(OperatorError) -> Operand {
    let x = try inputs.required(0)
    _ = try axes(of: x.shape)
    guard x.elementType.isFloatingPoint else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    _ = try inputs.required(1)
    for case let parameter? in inputs.dropFirst() {
      guard parameter.elementType == x.elementType,
        Shape.broadcast(x.shape, parameter.shape) == x.shape
      else { throw OperatorError("a parameter of type \(parameter.type) does not fit \(x.type)") }
    }
    return x
  }

  /// The normalised operand times the scale, plus the bias.
  func scaled(
    _ normalized: Tensor, _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> Tensor {
    let product = try workspace.apply(.multiply, normalized, try inputs.required(1))
    guard let bias = inputs.optional(2) else { return product }
    return try workspace.apply(.add, product, bias)
  }

  func gradient(
    _ context: inout GradientContext, centring: Bool
  ) throws(OperatorError) -> [Value?] {
    try context.refuseStatisticsGradient()
    let (x, scale) = (try context.input(0), Formula(try context.input(1)))
    let dy = try context.outputGradient()
    let axes = try axes(of: try context.type(of: x).shape)
    let standardization = Standardization(
      of: Formula(x), axes: Array(axes), epsilon: epsilon, centring: centring)
    let gradients = [
      try context.appendIfWanted(standardization.gradient(Formula(dy) * scale), 0, dy),
      try context.appendIfWanted(Formula(dy) * standardization.normalized, 1, dy), dy,
    ]
    return Array(gradients.prefix(context.node.inputs.count))
  }
}
