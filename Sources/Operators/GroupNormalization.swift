package import Graphs
package import Kernels
package import Tensors

/// y = scale n + bias, n = (x - mean) / √(variance + ε) per sample and channel.
///
/// Gradients: of x that of n times scale, see `Standardization`; of scale and bias the sums of dy n
/// and dy. <https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html>.
package struct InstanceNormalization: Operator {
  private let epsilon: Double

  package static let specification = Specification(
    "InstanceNormalization", since: 1, inputs: 3...3)
  package static let examples = [
    Example(
      "two channels", attributes: ["epsilon": .float(0)],
      inputs: [
        Tensor([1.0, 3, -2, 4], shape: [1, 2, 2]), Tensor([2.0, 0.5]), Tensor([1.0, -1]),
      ], outputs: [Tensor([-1, 3, -1.5, -0.5], shape: [1, 2, 2])]),
    Example(
      "ε of a half", attributes: ["epsilon": .float(0.5)],
      inputs: [Tensor([1.0, 3, 5], shape: [1, 1, 3]), Tensor([2.0]), Tensor([1.0])],
      outputs: [
        Tensor(
          [1 - 4 / (19.0 / 6).squareRoot(), 1, 1 + 4 / (19.0 / 6).squareRoot()],
          shape: [1, 1, 3])
      ], differentiable: [0, 1, 2]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    self.epsilon = try attributes.float("epsilon", default: 1e-5)
  }

  private func form(of shape: Shape) throws(OperatorError) -> GroupedNormalization {
    guard shape.rank >= 2 else { throw OperatorError("\(shape) has no dimension of channels") }
    return try GroupedNormalization(
      shape, groups: shape[1], parametersPerGroup: true, epsilon: epsilon)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try form(of: try inputs.required(0).shape).infer(inputs)
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try form(of: try inputs.required(0).shape).forward(inputs, in: workspace)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try form(of: try context.type(of: try context.input(0)).shape).gradient(&context)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "InstanceNormalization divides by a deviation of the data")
  }
}

/// y = scale n + bias, n = (x - mean) / √(variance + ε) per sample and group of channels.
///
/// Gradients: as those of `InstanceNormalization`.
/// <https://onnx.ai/onnx/operators/onnx__GroupNormalization.html>; scale and bias have one element
/// per group in opset 18, one per channel since 21.
package struct GroupNormalization: Operator {
  private let epsilon: Double
  private let groups: Int
  private let parametersPerGroup: Bool

  package static let specification = Specification(
    "GroupNormalization", since: 18, inputs: 3...3)
  package static let examples = [
    Example(
      "one group of two channels", attributes: ["num_groups": .int(1), "epsilon": .float(0.5)],
      inputs: [
        Tensor([1.0, 3, 5], shape: [1, 3, 1]), Tensor([2.0, 1, 0.5]), Tensor([1.0, -1, 0]),
      ],
      outputs: [
        Tensor(
          [1 - 4 / (19.0 / 6).squareRoot(), -1, 1 / (19.0 / 6).squareRoot()], shape: [1, 3, 1])
      ], differentiable: [0, 1, 2]),
    Example(
      "opset 18", attributes: ["num_groups": .int(2), "epsilon": .float(0)], opset: 18,
      inputs: [
        Tensor([1.0, 3, -2, 4], shape: [1, 4, 1]), Tensor([2.0, 0.5]), Tensor([1.0, -1]),
      ], outputs: [Tensor([-1, 3, -1.5, -0.5], shape: [1, 4, 1])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.epsilon = try attributes.float("epsilon", default: 1e-5)
    self.parametersPerGroup = attributes.opset < 21
    attributes.ignore("stash_type")
    guard let groups = try attributes.int("num_groups"), groups > 0 else {
      throw OperatorError("attribute num_groups must be positive")
    }
    self.groups = groups
  }

  private func form(of shape: Shape) throws(OperatorError) -> GroupedNormalization {
    try GroupedNormalization(
      shape, groups: groups, parametersPerGroup: parametersPerGroup, epsilon: epsilon)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try form(of: try inputs.required(0).shape).infer(inputs)
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try form(of: try inputs.required(0).shape).forward(inputs, in: workspace)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try form(of: try context.type(of: try context.input(0)).shape).gradient(&context)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "GroupNormalization divides by a deviation of the data")
  }
}

/// A normalisation per sample and group of channels, for an operand of one shape.
private struct GroupedNormalization {
  private let shape: Shape
  /// Samples, groups, elements of a group.
  private let grouped: Shape
  /// Samples, parameters, elements that share a parameter.
  private let scaled: Shape
  private let epsilon: Double

  init(
    _ shape: Shape, groups: Int, parametersPerGroup: Bool, epsilon: Double
  ) throws(OperatorError) {
    guard shape.rank >= 2, shape.elementCount > 0 else {
      throw OperatorError("\(shape) cannot be normalised by groups of channels")
    }
    guard shape[1] % groups == 0 else {
      throw OperatorError("\(shape[1]) channels do not make \(groups) equal groups")
    }
    let pixels = shape.dropFirst(2).reduce(1, *)
    self.shape = shape
    self.grouped = [shape[0], groups, shape[1] / groups * pixels]
    self.scaled = parametersPerGroup ? grouped : [shape[0], shape[1], pixels]
    self.epsilon = epsilon
  }

  /// The shape in which a parameter stretches to `scaled`.
  private var column: Shape { [scaled[1], 1] }

  func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard x.elementType.isFloatingPoint else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    for index in 1...2 {
      let parameter = try inputs.required(index)
      guard parameter.type == TensorType(x.elementType, [scaled[1]]) else {
        throw OperatorError(
          "input \(index) must have one \(x.elementType) for each of \(scaled[1])")
      }
    }
    return [x.type]
  }

  func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (scale, bias) = (try inputs.required(1), try inputs.required(2))
    let normalized = try workspace.standardize(
      try inputs.required(0), runsOf: grouped[2], epsilon: epsilon, centring: true
    ).values.reshaped(to: scaled)
    let product = try workspace.apply(.multiply, normalized, scale.reshaped(to: column))
    return [try workspace.apply(.add, product, bias.reshaped(to: column)).reshaped(to: shape)]
  }

  func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (x, scale) = (Formula(try context.input(0)), Formula(try context.input(1)))
    let dy = try context.outputGradient()
    let arrived = Formula(dy).reshaped(to: scaled)
    let standardization = Standardization(
      of: x.reshaped(to: grouped), axes: [2], epsilon: epsilon)
    let ofNormalized = arrived * scale.reshaped(to: column)
    let ofX = standardization.gradient(ofNormalized.reshaped(to: grouped))
    let parameters = [
      arrived * standardization.normalized.reshaped(to: scaled), arrived,
    ].map { $0.summed(to: column).reshaped(to: [scaled[1]]) }
    return [
      try context.appendIfWanted(ofX.reshaped(to: shape), 0, dy),
      try context.appendIfWanted(parameters[0], 1, dy),
      try context.appendIfWanted(parameters[1], 2, dy),
    ]
  }
}
