package import Graphs
package import Kernels
package import Tensors

/// Which elements of x are positive, a bit each: all that the gradient of a Relu needs of its output.
package struct RecordSigns: Operator {
  package static let specification = Specification(internal: "RecordSigns", inputs: 1...1)
  package static let examples = [
    Example(
      "zero is not positive", inputs: [Tensor([-1.0, 0, 0.5, 2, -3, 1, 7, 0, 1])],
      outputs: [Tensor([false, false, true, true, false, true, true, false, true])])
  ]

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    if x.elementType != .bfloat16 { try inputs.checkFloatingPoint() }
    return [TensorType(.bool, x.shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.signs(of: try inputs.required(0))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    .zero
  }
}

/// The sum of gradients where recorded signs are positive, 0 elsewhere: `Accumulate` and
/// `ReluGradient` in one pass over memory.
///
/// Inputs: the signs, then the terms.
package struct SignedSum: Operator {
  package static let specification = Specification(
    internal: "SignedSum", inputs: 2...Specification.many.upperBound)
  package static let examples = [
    Example(
      "two terms",
      inputs: [Tensor([true, false, true]), Tensor([1.0, 2, 3]), Tensor([10.0, 20, 30])],
      outputs: [Tensor([11.0, 0, 33])], differentiable: [1, 2])
  ]

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (signs, first) = (try inputs.required(0), try inputs.required(1))
    guard signs.elementType == .bool, signs.shape == first.shape,
      inputs.dropFirst().allSatisfy({ $0?.type == first.type })
    else { throw OperatorError("the signs and the gradients to add differ in shape or type") }
    return [first.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let signs = try workspace.packed(try inputs.required(0))
    return [try workspace.sum(of: inputs.dropFirst().compactMap(\.self), where: signs)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let gradient = try context.append(
      SignedSum(), try context.input(0), try context.outputGradient())
    return [nil] + context.node.inputs.dropFirst().map { _ in gradient }
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try Array(inputs.dropFirst()).commonDegree()
  }
}

/// `MaxPool` and, for each maximum, which place of its window it came from: all that the gradient
/// needs of the input.
package struct RecordingMaxPool: Operator {
  private let parameters: PoolingParameters

  package static let specification = Specification(
    internal: "RecordingMaxPool", inputs: 1...1, outputs: 2...2)
  package static let examples = [
    Example(
      "places within windows, the first of equal ones",
      attributes: ["kernel_shape": .ints([2, 2])],
      inputs: [Tensor([0.0, -3, 1, -1, 2, -2, -4, 3, 3], shape: [1, 1, 3, 3])],
      outputs: [
        Tensor([2.0, 2, 3, 3], shape: [1, 1, 2, 2]),
        Tensor([3 as Int32, 2, 3, 2], shape: [1, 1, 2, 2]),
      ])
  ]

  package init(_ parameters: PoolingParameters) { self.parameters = parameters }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    parameters = try PoolingAttributes(&attributes, averages: false).explicitParameters()
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try inputs.checkFloatingPoint()
    let x = try inputs.required(0)
    let shape = try parameters.output(of: x.shape)
    return [TensorType(x.elementType, shape), TensorType(.int32, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let result = try workspace.maximumPoolingChoices(try inputs.required(0), parameters)
    return [result.maxima, result.choices]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.type(of: try context.input(0)).shape
    return [
      try context.append(
        MaxPoolScatter(parameters, inputShape: shape), try context.outputGradient(),
        context.output(1))
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The gradient of `RecordingMaxPool`: each element of dy goes to the recorded place of its window.
package struct MaxPoolScatter: Operator {
  private let parameters: PoolingParameters
  private let inputShape: Shape

  package static let specification = Specification(internal: "MaxPoolScatter", inputs: 2...2)
  package static let examples = [
    Example(
      "windows that overlap add up",
      attributes: ["kernel_shape": .ints([2]), "input_shape": .ints([1, 1, 4])],
      inputs: [
        Tensor([-1.0, 3, 5], shape: [1, 1, 3]), Tensor([1 as Int32, 0, 1], shape: [1, 1, 3]),
      ],
      outputs: [Tensor([0.0, 2, 0, 5], shape: [1, 1, 4])])
  ]

  package init(_ parameters: PoolingParameters, inputShape: Shape) {
    self.parameters = parameters
    self.inputShape = inputShape
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    inputShape = Shape(try attributes.ints("input_shape") ?? [])
    parameters = try PoolingAttributes(&attributes, averages: false).explicitParameters()
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, choices) = (try inputs.required(0), try inputs.required(1))
    guard choices.type == TensorType(.int32, dy.shape),
      dy.shape == (try parameters.output(of: inputShape))
    else { throw OperatorError("the gradient is \(dy.shape) for an input of \(inputShape)") }
    return [TensorType(dy.elementType, inputShape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.maximumPoolingGradient(
        try inputs.required(0), at: try inputs.required(1), shape: inputShape, parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("second derivatives of MaxPool are not defined")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.optionalDegree(0)
  }
}
