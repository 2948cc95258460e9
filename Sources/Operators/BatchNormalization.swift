package import Graphs
package import Kernels
package import Tensors

/// y = (x - mean) / sqrt(variance + epsilon) * scale + b per channel (dimension 1), with the
/// statistics that training left: a scale and a shift.
///
/// Inputs: x, scale, b, mean, variance. Gradient: dx = dy * scale / sqrt(variance + epsilon).
/// Training forms (`is_test` 0 before opset 7, `training_mode` since 14, more than one output) and
/// `spatial` 0 (before 9) are refused.
/// <https://onnx.ai/onnx/operators/onnx__BatchNormalization.html>
package struct BatchNormalization: Operator {
  /// What is added to the variance.
  package let epsilon: Double

  package static let specification = Specification(
    "BatchNormalization", inputs: 5...5, outputs: 1...5)

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    epsilon = try attributes.float("epsilon", default: 1e-5)
    attributes.ignore("momentum")  // Only training moves the statistics.
    attributes.ignore("consumed_inputs")  // An in-place hint of opset 1.
    var isTraining = false
    if attributes.opset < 7 { isTraining = !(try attributes.flag("is_test", default: false)) }
    if attributes.opset >= 14 { isTraining = try attributes.flag("training_mode", default: false) }
    guard !isTraining, attributes.outputCount == 1 else {
      throw OperatorError("the training form is not supported; export the model for inference")
    }
    if attributes.opset < 9, !(try attributes.flag("spatial", default: true)) {
      throw OperatorError("spatial 0, statistics per element, is not supported")
    }
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    try inputs.checkFloatingPoint()
    guard x.shape.rank >= 2 else {
      throw OperatorError("the input is \(x.shape), should be N x C x spatial")
    }
    for (index, role) in ["scale", "b", "mean", "variance"].enumerated() {
      let vector = try inputs.required(index + 1)
      guard vector.shape.dimensions == [x.shape[1]] else {
        throw OperatorError("\(role) is \(vector.shape), should be a vector of \(x.shape[1])")
      }
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (b, mean) = (try inputs.required(2).doubles, try inputs.required(3).doubles)
    let scale = channelScale(
      try inputs.required(1).doubles, variance: try inputs.required(4).doubles, epsilon)
    let shift = b.indices.map { b[$0] - mean[$0] * scale[$0] }
    return [try workspace.scaledChannels(try inputs.required(0), by: scale, shift: shift)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    for (index, role) in ["scale", "b", "mean", "variance"].enumerated() {
      try context.refuseGradient(of: index + 1, role)
    }
    let operation = BatchNormalizationGradient(epsilon: epsilon)
    let dx = try context.append(
      operation, try context.outputGradient(), try context.input(1), try context.input(4))
    return [dx, nil, nil, nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    guard inputs.count == 5, inputs[4]?.degree.isConstant ?? false else {
      throw Inhomogeneity("its variance depends on the model's input")
    }
    if inputs[2]?.degree == .zero, inputs[3]?.degree == .zero {
      return [inputs[0], inputs[1]].productDegree()
    }
    return try inputs.constantDegree(or: "adds its shift")
  }
}

/// The gradient of `BatchNormalization` with respect to its input: dy * scale / sqrt(variance +
/// epsilon), from dy, scale and variance. It is its own gradient.
package struct BatchNormalizationGradient: Lowerable {
  private let epsilon: Double

  package static let specification = Specification(
    internal: "BatchNormalizationGradient", inputs: 3...3)

  package init(epsilon: Double) { self.epsilon = epsilon }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    epsilon = try attributes.float("epsilon", default: 1e-5)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let dy = try inputs.required(0)
    try inputs.checkFloatingPoint()
    for index in 1...2 {
      guard dy.shape.rank >= 2, try inputs.required(index).shape.dimensions == [dy.shape[1]] else {
        throw OperatorError("a vector per channel of \(dy.shape) is needed")
      }
    }
    return [dy.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let scale = channelScale(
      try inputs.required(1).doubles, variance: try inputs.required(2).doubles, epsilon)
    return [try workspace.scaledChannels(try inputs.required(0), by: scale)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 1, "scale")
    try context.refuseGradient(of: 2, "the variance")
    let dy = try context.outputGradient()
    return [try context.append(self, dy, try context.input(1), try context.input(2)), nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, scale, variance) = (
      try context.input(0), try context.input(1), try context.input(2)
    )
    let shifted = try context.append(Add(), variance, context.scalar(epsilon, like: variance))
    let slope = try context.append(Div(), scale, context.append(Sqrt(), shifted))
    let type = try context.type(of: dy)
    let ones = Array(repeating: 1, count: type.shape.rank - 2)
    let stretched = try context.reshape(slope, to: [type.shape[1]] + ones)
    return [try context.append(Mul(), dy, stretched)]
  }
}

private func channelScale(_ scale: [Double], variance: [Double], _ epsilon: Double) -> [Double] {
  zip(scale, variance).map { $0 / ($1 + epsilon).squareRoot() }
}

extension Tensor {
  /// The elements in double precision.
  fileprivate var doubles: [Double] { converted(to: .float64).elements(as: Double.self) }
}

extension BatchNormalization {
  package static let examples = [
    Example(
      "a scale and a shift per channel",
      inputs: [
        Tensor([-1.0, 0, 2, -3, 2, -1, 3, -1, 2, 1, -2, 1, 1, 0, -2, -2], shape: [2, 2, 2, 2]),
        Tensor([1.0, 0], shape: [2]), Tensor([-2.0, 1], shape: [2]), Tensor([0.0, 3], shape: [2]),
        Tensor([4, 0.25], shape: [2]),
      ],
      outputs: [
        Tensor(
          [
            -2.4999993750011718, -2, -1.0000012499976563, -3.4999981250035157, 1, 1, 1, 1,
            -1.0000012499976563, -1.5000006249988282, -2.9999987500023435, -1.5000006249988282, 1,
            1, 1, 1,
          ], shape: [2, 2, 2, 2])
      ], differentiable: [0]),
    Example(
      "a matrix, and an epsilon", attributes: ["epsilon": .float(0.25)],
      inputs: [
        Tensor([-1.0, 2, 2, 1], shape: [2, 2]), Tensor([1.0, 0], shape: [2]),
        Tensor([-2.0, 1], shape: [2]), Tensor([0.0, 3], shape: [2]), Tensor([3.75, 0], shape: [2]),
      ],
      outputs: [Tensor([-2.5, 1, -1, 1], shape: [2, 2])], differentiable: [0]),
    Example(
      "the inference form before opset 7",
      attributes: ["is_test": .int(1), "spatial": .int(1), "momentum": .float(0.9)], opset: 6,
      inputs: [
        Tensor([-1.0, 0, 2, -3, 2, -1, 3, -1, 2, 1, -2, 1, 1, 0, -2, -2], shape: [2, 2, 2, 2]),
        Tensor([1.0, 0], shape: [2]), Tensor([-2.0, 1], shape: [2]), Tensor([0.0, 3], shape: [2]),
        Tensor([4, 0.25], shape: [2]),
      ],
      outputs: [
        Tensor(
          [
            -2.4999993750011718, -2, -1.0000012499976563, -3.4999981250035157, 1, 1, 1, 1,
            -1.0000012499976563, -1.5000006249988282, -2.9999987500023435, -1.5000006249988282, 1,
            1, 1, 1,
          ], shape: [2, 2, 2, 2])
      ], differentiable: [0]),
  ]
}

extension BatchNormalizationGradient {
  package static let examples = [
    Example(
      "a scale per channel",
      inputs: [
        Tensor([-1.0, -2, 2, -1, 2, -1, -3, 1, -1, -2, 0, 0], shape: [2, 2, 3]),
        Tensor([1.0, 0], shape: [2]), Tensor([4, 0.25], shape: [2]),
      ],
      outputs: [
        Tensor(
          [
            -0.49999937500117186, -0.9999987500023437, 0.9999987500023437, 0, 0, 0,
            -1.4999981250035157, 0.49999937500117186, -0.49999937500117186, 0, 0, 0,
          ], shape: [2, 2, 3])
      ], differentiable: [0])
  ]
}
