package import Graphs
package import Kernels
package import Tensors

/// y = x / norm of x along an axis, p = 1 or 2; 0 where the norm is 0.
///
/// Gradient, with m the norm: (dy - d sum of y dy) / m, d = sign(x) for p = 1 and y for p = 2; 0 where
/// the norm is 0. <https://onnx.ai/onnx/operators/onnx__LpNormalization.html>.
package struct LpNormalization: Operator {
  private let axis: Int
  private let isEuclidean: Bool

  package static let specification = Specification("LpNormalization", since: 1)
  package static let examples = [
    Example(
      "Euclidean rows", inputs: [Tensor([3.0, 4, 0, 0], shape: [2, 2])],
      outputs: [Tensor([0.6, 0.8, 0, 0], shape: [2, 2])]),
    Example(
      "Euclidean columns", attributes: ["axis": .int(0)],
      inputs: [Tensor([3.0, 5, -4, 12], shape: [2, 2])],
      outputs: [Tensor([0.6, 5.0 / 13, -0.8, 12.0 / 13], shape: [2, 2])], differentiable: [0]),
    Example(
      "sums of magnitudes", attributes: ["p": .int(1)],
      inputs: [Tensor([3.0, -1, 0.5, 1.5], shape: [2, 2])],
      outputs: [Tensor([0.75, -0.25, 0.25, 0.75], shape: [2, 2])], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: -1)
    switch try attributes.int("p", default: 2) {
    case 1: self.isEuclidean = false
    case 2: self.isEuclidean = true
    case let p: throw OperatorError("attribute p must be 1 or 2, not \(p)")
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    _ = try axis.normalized(rank: x.shape.rank)
    guard x.elementType.isFloatingPoint else {
      throw OperatorError("the operator is not defined for \(x.elementType)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let axis = try axis.normalized(rank: x.shape.rank)
    let norm = try workspace.reduce(
      isEuclidean ? .l2 : .l1, x, axes: [axis], keepDimensions: true)
    return [try workspace.divideOrZero(x, norm)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (x, y) = (Formula(try context.input(0)), Formula(context.output()))
    let dy = try context.outputGradient()
    let norm =
      isEuclidean
      ? Formula(ReduceL2(axes: [axis], keepDimensions: true), x)
      : Formula(ReduceL1(axes: [axis], keepDimensions: true), x)
    let direction = isEuclidean ? y : Formula(Sign(), x)
    let sum = Formula(ReduceSum(axes: [axis], keepDimensions: true), y * Formula(dy))
    let slope = ((Formula(dy) - direction * sum) / norm).where(norm > 0, else: 0)
    return [try context.append(slope, numbersLike: dy)]
  }

  /// A direction does not change with the length.
  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    let degree = try inputs.firstDegree()
    return degree.isConstant || degree == .none ? degree : .exactly(0)
  }
}

/// y = (x - mean) / (deviation + 1e-9) along axes, samples and pixels by default.
///
/// Gradient, with n = y, s the deviation and m means along the axes:
/// (dy - m(dy) - c m(dy c) / (s (s + 1e-9))) / (s + 1e-9), c = x - m(x).
/// <https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html>.
package struct MeanVarianceNormalization: Operator {
  private let axes: [Int]

  private static let epsilon = 1e-9

  package static let specification = Specification("MeanVarianceNormalization", since: 9)
  package static let examples = [
    Example(
      "two channels", attributes: ["axes": .ints([0, 2])],
      inputs: [Tensor([10.0, -20, 30, 40], shape: [2, 2, 1])],
      outputs: [Tensor([-1.0, -1, 1, 1], shape: [2, 2, 1])]),
    Example(
      "rows", attributes: ["axes": .ints([-1])], inputs: [Tensor([1.0, 3, 8], shape: [1, 3])],
      outputs: [
        Tensor(
          [
            -3 / (26.0 / 3).squareRoot(), -1 / (26.0 / 3).squareRoot(), 4 / (26.0 / 3).squareRoot(),
          ],
          shape: [1, 3])
      ], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axes = try attributes.ints("axes") ?? [0, 2, 3]
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    for axis in axes { _ = try axis.normalized(rank: x.shape.rank) }
    guard x.elementType.isFloatingPoint, !axes.isEmpty else {
      throw OperatorError("the operator needs axes and floats, not \(axes) of \(x.elementType)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    var axes: Set<Int> = []
    for axis in self.axes { axes.insert(try axis.normalized(rank: x.shape.rank)) }
    func mean(_ tensor: Tensor) throws(OperatorError) -> Tensor {
      try workspace.reduce(.mean, tensor, axes: axes.sorted(), keepDimensions: true)
    }
    let centred = try workspace.apply(.subtract, x, try mean(x))
    let variance = try mean(try workspace.apply(.multiply, centred, centred))
    let epsilon = Tensor(scalar: Self.epsilon).converted(to: x.elementType)
    let deviation = try workspace.apply(
      .add, try workspace.apply(.squareRoot, variance), epsilon)
    return [try workspace.apply(.divide, centred, deviation)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let x = Formula(try context.input(0))
    let dy = try context.outputGradient()
    let mean = { Formula(ReduceMean(axes: self.axes, keepDimensions: true), $0) }
    let centred = x - mean(x)
    let deviation = Formula(Sqrt(), mean(centred * centred))
    let divisor = deviation + Formula(Self.epsilon)
    let along = centred * mean(Formula(dy) * centred) / (deviation * divisor)
    return [
      try context.append((Formula(dy) - mean(Formula(dy)) - along) / divisor, numbersLike: dy)
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "MeanVarianceNormalization divides by a deviation of the data")
  }
}
