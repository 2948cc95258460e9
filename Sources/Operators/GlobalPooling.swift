package import Graphs
package import Kernels
package import Tensors

/// The mean over all spatial dimensions, which become 1. Gradient: dy divided by the count,
/// everywhere. <https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html>
package struct GlobalAveragePool: Operator {
  package static let specification = Specification("GlobalAveragePool", inputs: 1...1)

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    try inputs.checkFloatingPoint()
    return [TensorType(x.elementType, try x.shape.globalPooling().output(of: x.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [try workspace.averagePooling(x, try x.shape.globalPooling())]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.type(of: try context.input(0)).shape
    let operation = AveragePoolGradient(try shape.globalPooling(), inputShape: shape)
    return [try context.append(operation, try context.outputGradient())]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The maximum over all spatial dimensions, which become 1. The first maximum in row-major order
/// gets the gradient. <https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html>
package struct GlobalMaxPool: Operator {
  package static let specification = Specification("GlobalMaxPool", inputs: 1...1)

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    try inputs.checkFloatingPoint()
    return [TensorType(x.elementType, try x.shape.globalPooling().output(of: x.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [try workspace.maximumPooling(x, try x.shape.globalPooling())]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let x = try context.input(0)
    let operation = MaxPoolGradient(try context.type(of: x).shape.globalPooling())
    return [try context.append(operation, try context.outputGradient(), x)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

extension Shape {
  /// The pooling whose only window is all of the spatial dimensions.
  fileprivate func globalPooling() throws(OperatorError) -> PoolingParameters {
    guard 3...5 ~= rank else {
      throw OperatorError("pooling needs 1 to 3 spatial dimensions, the input is \(self)")
    }
    return PoolingParameters(window: try SlidingWindow(kernel: Array(dropFirst(2))))
  }
}

extension GlobalAveragePool {
  package static let examples = [
    Example(
      "a mean per sample and channel",
      inputs: [
        Tensor([-1.0, -2, -2, 0, -3, -1, -2, 0, -2, 2, 0, -1, 0, 1, 2, -3], shape: [2, 2, 2, 2])
      ],
      outputs: [Tensor([-1.25, -1.5, -0.25, 0], shape: [2, 2, 1, 1])], differentiable: [0]),
    Example(
      "one spatial dimension",
      inputs: [
        Tensor([-1.0, -2, -2, 0, -3, -1, -2, 0, -2, 2, 0, -1, 0, 1, 2, -3], shape: [2, 2, 4])
      ],
      outputs: [Tensor([-1.25, -1.5, -0.25, 0], shape: [2, 2, 1])], differentiable: [0]),
  ]
}

extension GlobalMaxPool {
  package static let examples = [
    Example(
      "a maximum per sample and channel",
      inputs: [
        Tensor([-1.0, -3, 7, -5, -4, 4, 2, 5, -7, 0, 1, -6, 6, -8, 3, -2], shape: [2, 2, 2, 2])
      ],
      outputs: [Tensor([7.0, 5, 1, 6], shape: [2, 2, 1, 1])], differentiable: [0])
  ]
}
