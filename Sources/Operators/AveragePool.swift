package import Graphs
package import Kernels
package import Tensors

/// The mean over a window that slides over the spatial dimensions.
///
/// With `count_include_pad` (since opset 7) zeros of the padding count, but not places beyond it that
/// `ceil_mode` (10) reaches; otherwise only elements count. 19 added `dilations`. Gradient: dx sums
/// dy divided by the count over the windows that a place is in. 1 to 3 spatial dimensions.
/// <https://onnx.ai/onnx/operators/onnx__AveragePool.html>
package struct AveragePool: Spelled {
  private enum Setting: Sendable {
    case attributes(PoolingAttributes)
    case parameters(PoolingParameters)
  }

  private let setting: Setting

  package static let specification = Specification("AveragePool", inputs: 1...1)

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    setting = .attributes(try PoolingAttributes(&attributes, averages: true))
  }

  package init(_ parameters: PoolingParameters) { setting = .parameters(parameters) }

  private func parameters(_ x: Shape) throws(OperatorError) -> PoolingParameters {
    switch setting {
    case .attributes(let attributes): try attributes.parameters(x)
    case .parameters(let parameters): parameters
    }
  }

  package var acceptsAnyLayout: Bool { true }

  package var spelling: [String: AttributeValue]? {
    if case .parameters(let parameters) = setting {
      parameters.spelling(averages: true)
    } else {
      nil
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    try inputs.checkFloatingPoint()
    return [TensorType(x.elementType, try parameters(x.shape).output(of: x.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [try workspace.averagePooling(x, try parameters(x.shape))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.type(of: try context.input(0)).shape
    let operation = AveragePoolGradient(try parameters(shape), inputShape: shape)
    return [try context.append(operation, try context.outputGradient())]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The gradient of `AveragePool` with respect to its input. Its own gradient is the average.
package struct AveragePoolGradient: Lowerable {
  private let parameters: PoolingParameters
  private let inputShape: Shape

  package static let specification = Specification(internal: "AveragePoolGradient", inputs: 1...1)

  package init(_ parameters: PoolingParameters, inputShape: Shape) {
    self.parameters = parameters
    self.inputShape = inputShape
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    guard let shape = Shape(checking: try attributes.ints("input_shape") ?? []) else {
      throw OperatorError("input_shape is not a shape")
    }
    self.init(
      try PoolingAttributes(&attributes, averages: true).parameters(shape), inputShape: shape)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let dy = try inputs.required(0)
    try inputs.checkFloatingPoint()
    guard dy.shape == (try parameters.output(of: inputShape)) else {
      throw OperatorError("the gradient is \(dy.shape) for an input of \(inputShape)")
    }
    return [TensorType(dy.elementType, inputShape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.averagePoolingGradient(
        try inputs.required(0), shape: inputShape, parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [try context.append(AveragePool(parameters), try context.outputGradient())]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  /// Every gradient is divided by what its window counts and spread over it by a transposed convolution
  /// with ones, the channels taken for samples.
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let dy = try context.input(0)
    let (input, output) = (Array(inputShape.dropFirst(2)), try context.shape(of: dy).dropFirst(2))
    if output.allSatisfy({ $0 == 1 }), parameters.window.kernel == input,
      parameters.window.isDense
    {
      let count = Double(input.reduce(1, *))
      let share = try context.append(Mul(), dy, context.scalar(1 / count, like: dy))
      let shape = context.integers(inputShape.dimensions)
      return [try context.append(Expand(), share, shape)]
    }
    let counts = try parameters.counts(over: input, outputs: Array(output))
    let shares = Tensor(counts.map { 1 / max($0, 1) }, shape: Shape([1, 1] + output))
      .converted(to: try context.type(of: dy).elementType)
    let share = try context.append(Mul(), dy, context.constant(shares))
    let ones = Tensor(repeating: 1 as Float, shape: Shape([1, 1] + parameters.window.kernel))
      .converted(to: try context.type(of: dy).elementType)
    let spread = try context.write(
      ConvTranspose.self,
      [context.reshape(share, to: [-1, 1] + output), context.constant(ones)],
      parameters.window.spreading(Array(output), over: input))[0]
    return [try context.reshape(spread, to: inputShape.dimensions)]
  }
}

extension SlidingWindow {
  /// Whether neither padding nor gaps come in.
  fileprivate var isDense: Bool {
    dilations.allSatisfy { $0 == 1 } && (padsBegin + padsEnd).allSatisfy { $0 == 0 }
  }
}

extension PoolingParameters {
  /// By how much each window's sum is divided: its places in the input, or in the padding too if that
  /// counts.
  fileprivate func counts(over input: [Int], outputs: [Int]) throws(OperatorError) -> [Double] {
    var counts = [1.0]
    for axis in input.indices {
      let begin = window.padsBegin[axis]
      let limits = countsPadding ? -begin..<(input[axis] + window.padsEnd[axis]) : 0..<input[axis]
      let along = (0..<outputs[axis]).map { output in
        let start = output * window.strides[axis] - begin
        return Double(
          (0..<window.kernel[axis]).count { limits.contains(start + $0 * window.dilations[axis]) })
      }
      counts = counts.flatMap { count in along.map { count * $0 } }
    }
    return counts
  }
}

extension AveragePool {
  package static let examples = [
    Example(
      "the definition", attributes: ["kernel_shape": .ints([2, 2])],
      inputs: [Tensor([-3.0, -3, 0, 2, -2, 0, -1, 0, 2], shape: [1, 1, 3, 3])],
      outputs: [Tensor([-1.5, -1.25, -0.25, 0], shape: [1, 1, 2, 2])], differentiable: [0]),
    Example(
      "padding does not count",
      attributes: ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])],
      inputs: [Tensor([-3.0, -3, 0, 2, -2, 0, -1, 0, 2], shape: [1, 1, 3, 3])],
      outputs: [
        Tensor(
          [
            -1.5, -1, -1.25, -1.1666666666666667, -0.5555555555555556, -0.5, -0.25,
            0.16666666666666666, 0,
          ], shape: [1, 1, 3, 3])
      ], differentiable: [0]),
    Example(
      "padding counts",
      attributes: [
        "kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]),
        "count_include_pad": .int(1),
      ],
      inputs: [Tensor([-3.0, -3, 0, 2, -2, 0, -1, 0, 2], shape: [1, 1, 3, 3])],
      outputs: [
        Tensor(
          [-0.6666666666666666, -0.5555555555555556, -0.1111111111111111, 0], shape: [1, 1, 2, 2])
      ], differentiable: [0]),
    Example(
      "places beyond the padding that ceil_mode reaches do not count",
      attributes: [
        "kernel_shape": .ints([4]), "strides": .ints([3]), "pads": .ints([1, 1]),
        "count_include_pad": .int(1), "ceil_mode": .int(1),
      ],
      inputs: [Tensor([3.0, 3, -2, 1, -1, -2], shape: [1, 1, 6])],
      outputs: [Tensor([1.0, -1, -1], shape: [1, 1, 3])], differentiable: [0]),
    Example(
      "SAME_UPPER", attributes: ["kernel_shape": .ints([2]), "auto_pad": .string("SAME_UPPER")],
      inputs: [Tensor([-3.0, -1, 2, 0], shape: [1, 1, 4])],
      outputs: [Tensor([-2, 0.5, 1, 0], shape: [1, 1, 4])], differentiable: [0]),
    Example(
      "dilations", attributes: ["kernel_shape": .ints([2]), "dilations": .ints([2])],
      inputs: [Tensor([-3.0, -1, 2, 0], shape: [1, 1, 4])],
      outputs: [Tensor([-0.5, -0.5], shape: [1, 1, 2])], differentiable: [0]),
    Example(
      "three spatial dimensions", attributes: ["kernel_shape": .ints([2, 1, 2])],
      inputs: [Tensor([0.0, 2, 0, 1, 1, 2, 3, 2], shape: [1, 1, 2, 2, 2])],
      outputs: [Tensor([1.25, 1.5], shape: [1, 1, 1, 2, 1])], differentiable: [0]),
  ]
}

extension AveragePoolGradient {
  package static let examples = [
    Example(
      "shares of windows that overlap",
      attributes: ["kernel_shape": .ints([2, 2]), "input_shape": .ints([1, 1, 3, 3])],
      inputs: [Tensor([-1.0, -3, 1, -1], shape: [1, 1, 2, 2])],
      outputs: [Tensor([-0.25, -1, -0.75, 0, -1, -1, 0.25, 0, -0.25], shape: [1, 1, 3, 3])],
      differentiable: [0]),
    Example(
      "padding does not count",
      attributes: [
        "kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]),
        "input_shape": .ints([1, 1, 3, 4]),
      ],
      inputs: [Tensor([-1.0, 2, -1, 1], shape: [1, 1, 2, 2])],
      outputs: [
        Tensor(
          [
            -0.25, 0.08333333333333331, 0.3333333333333333, 0.3333333333333333, -0.5,
            -2.7755575615628914e-17, 0.5, 0.5, -0.25, -0.08333333333333334, 0.16666666666666666,
            0.16666666666666666,
          ], shape: [1, 1, 3, 4])
      ], differentiable: [0]),
  ]
}
