package import Graphs
package import Kernels
package import Tensors

/// The maximum over a window that slides over the spatial dimensions; padding never wins.
///
/// Ties: the first place in row-major order has the maximum, and gets the gradient; a NaN in a
/// window is its maximum. Gradient: dx sums dy at the places of the maxima. 1 to 3 spatial
/// dimensions. Opset 8 added the output `Indices`, 10 `ceil_mode` and `dilations`, 12 the 8-bit
/// types. <https://onnx.ai/onnx/operators/onnx__MaxPool.html>
package struct MaxPool: Operator {
  let attributes: PoolingAttributes
  private let isColumnMajor: Bool
  package private(set) var yieldsIndices: Bool

  package static let specification = Specification("MaxPool", inputs: 1...1, outputs: 1...2)

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.attributes = try PoolingAttributes(&attributes, averages: false)
    isColumnMajor =
      attributes.opset < 8 ? false : try attributes.flag("storage_order", default: false)
    yieldsIndices = attributes.outputCount > 1
  }

  package var acceptsAnyLayout: Bool { true }

  /// The same with the output `Indices`, the places of the maxima in row-major order.
  package var withIndices: MaxPool {
    var copy = self
    copy.yieldsIndices = true
    return copy
  }

  /// How the window meets an input of this shape.
  package func parameters(of x: Shape) throws(OperatorError) -> PoolingParameters {
    try attributes.parameters(x)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard [.float32, .float64, .int8, .uint8].contains(x.elementType) else {
      throw OperatorError("the maximum of \(x.elementType) windows is not defined")
    }
    let shape = try attributes.output(of: x.shape)
    let values = TensorType(x.elementType, shape)
    return yieldsIndices ? [values, TensorType(.int64, shape)] : [values]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let parameters = try attributes.parameters(x.shape)
    let maxima = try workspace.maximumPooling(x, parameters)
    guard yieldsIndices else { return [maxima] }
    return [
      maxima,
      try workspace.maximumPoolingIndices(x, isColumnMajor: isColumnMajor, parameters),
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let x = try context.input(0)
    let parameters = try attributes.parameters(try context.type(of: x).shape)
    return [
      try context.append(MaxPoolGradient(parameters), try context.outputGradient(), x)
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The gradient of `MaxPool` with respect to its input, from that of its output and the input.
package struct MaxPoolGradient: Lowerable {
  package let parameters: PoolingParameters

  package static let specification = Specification(internal: "MaxPoolGradient", inputs: 2...2)

  package init(_ parameters: PoolingParameters) { self.parameters = parameters }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    parameters = try PoolingAttributes(&attributes, averages: false).explicitParameters()
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    guard dy.shape == (try parameters.output(of: x.shape)) else {
      throw OperatorError("the gradient is \(dy.shape) for an input of \(x.shape)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    let choices = try workspace.maximumPoolingChoices(x, parameters).choices
    return [
      try workspace.maximumPoolingGradient(dy, at: choices, shape: x.shape, parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("second derivatives of MaxPool are not defined")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.optionalDegree(0)
  }

  /// The places of the maxima count over the whole tensor, so the gradients are added there to as many
  /// zeros in one dimension.
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, x) = (try context.input(0), try context.input(1))
    let type = try context.type(of: x)
    let places = try context.write(
      MaxPool.self, [x], parameters.spelling(averages: false), outputs: 2)[1]
    let sum = try context.append(
      ScatterElements(axis: 0, .add),
      context.zeros(TensorType(type.elementType, [type.shape.elementCount])),
      context.reshape(places, to: [-1]), context.reshape(dy, to: [-1]))
    return [try context.reshape(sum, to: type.shape.dimensions)]
  }
}

extension MaxPool {
  package static let examples = [
    Example(
      "the definition", attributes: ["kernel_shape": .ints([2, 2])],
      inputs: [Tensor([0.0, -3, 1, -1, 2, -2, -4, 3, 4], shape: [1, 1, 3, 3])],
      outputs: [Tensor([2.0, 2, 3, 4], shape: [1, 1, 2, 2])], differentiable: [0]),
    Example(
      "the first of equal maxima is the place of the maximum",
      attributes: ["kernel_shape": .ints([2]), "strides": .ints([2])],
      inputs: [Tensor([2.0, 2, 1, 5, 5, 5], shape: [1, 1, 6])],
      outputs: [
        Tensor([2.0, 5, 5], shape: [1, 1, 3]), Tensor([0, 3, 4] as [Int64], shape: [1, 1, 3]),
      ]),
    Example(
      "a NaN wins, minus infinity may",
      attributes: ["kernel_shape": .ints([2]), "strides": .ints([2])],
      inputs: [Tensor([Double.nan, 1, 2, .nan, -.infinity, -.infinity, 3, 4], shape: [1, 1, 8])],
      outputs: [Tensor([Double.nan, .nan, -.infinity, 4], shape: [1, 1, 4])]),
    Example(
      "padding never wins; pads differ between sides",
      attributes: [
        "kernel_shape": .ints([3, 2]), "strides": .ints([2, 1]), "pads": .ints([1, 0, 0, 1]),
      ],
      inputs: [
        Tensor(
          [-4.0, -6, -10, -5, -9, -2, -10, -9, -6, -1, -8, -5, -11, -7, -8, -4, -7, -3, -2, -3],
          shape: [1, 1, 4, 5])
      ],
      outputs: [Tensor([-2.0, -6, -5, -1, -1, -2, -3, -2, -1, -1], shape: [1, 1, 2, 5])]),
    Example(
      "ceil_mode adds a window that starts inside the input",
      attributes: ["kernel_shape": .ints([2]), "strides": .ints([2]), "ceil_mode": .int(1)],
      inputs: [Tensor([-2.0, -3, -4, 4, -5, -1, 3, 1, 0, 2], shape: [1, 2, 5])],
      outputs: [Tensor([-2.0, 4, -5, 3, 1, 2], shape: [1, 2, 3])], differentiable: [0]),
    Example(
      "ceil_mode drops a window that would start in the padding after it",
      attributes: [
        "kernel_shape": .ints([2]), "strides": .ints([3]), "pads": .ints([1, 1]),
        "ceil_mode": .int(1),
      ],
      inputs: [Tensor([-1.0, 0, 1, -2], shape: [1, 1, 4])],
      outputs: [Tensor([-1.0, 1], shape: [1, 1, 2])], differentiable: [0]),
    Example(
      "dilations", attributes: ["kernel_shape": .ints([2, 2]), "dilations": .ints([1, 2])],
      inputs: [Tensor([-3.0, 0, 2, 3, -2, 1, -4, -1], shape: [1, 1, 2, 4])],
      outputs: [Tensor([2.0, 3], shape: [1, 1, 1, 2])], differentiable: [0]),
    Example(
      "three spatial dimensions", attributes: ["kernel_shape": .ints([2, 1, 2])],
      inputs: [
        Tensor(
          [
            -2.0, -9, 1, -10, -8, 3, -4, 7, -3, 6, -7, -12, 8, 5, 4, 0, -6, -11, 10, -5, 2, 11, -1,
            9,
          ], shape: [2, 1, 2, 2, 3])
      ],
      outputs: [Tensor([7.0, 7, 6, 3, 10, 5, 11, 9], shape: [2, 1, 1, 2, 2])], differentiable: [0]),
    Example(
      "places of the maxima", attributes: ["kernel_shape": .ints([2, 2])],
      inputs: [Tensor([-4.0, 5, -6, -5, 4, -3, 0, -1, 2, 1, 3, -2], shape: [1, 2, 2, 3])],
      outputs: [
        Tensor([5.0, 5, 3, 3], shape: [1, 2, 1, 2]),
        Tensor([1, 1, 10, 10] as [Int64], shape: [1, 2, 1, 2]),
      ]),
    Example(
      "places counted along the first spatial dimension first",
      attributes: ["kernel_shape": .ints([2, 2]), "storage_order": .int(1)],
      inputs: [Tensor([-4.0, 5, -6, -5, 4, -3, 0, -1, 2, 1, 3, -2], shape: [1, 2, 2, 3])],
      outputs: [
        Tensor([5.0, 5, 3, 3], shape: [1, 2, 1, 2]),
        Tensor([2, 2, 9, 9] as [Int64], shape: [1, 2, 1, 2]),
      ]),
    Example(
      "SAME_LOWER before opset 8",
      attributes: ["kernel_shape": .ints([2]), "auto_pad": .string("SAME_LOWER")], opset: 1,
      inputs: [Tensor([-2.0, 0, 1, -1], shape: [1, 1, 4])],
      outputs: [Tensor([-2.0, 0, 1, 1], shape: [1, 1, 4])], differentiable: [0]),
  ]
}

extension MaxPoolGradient {
  package static let examples = [
    Example(
      "ties go to the first place; windows that overlap add up",
      attributes: ["kernel_shape": .ints([2])],
      inputs: [
        Tensor([-1.0, 3, 0, 0, -3], shape: [1, 1, 5]),
        Tensor([2.0, 2, 1, 5, 5, 5], shape: [1, 1, 6]),
      ],
      outputs: [Tensor([-1.0, 3, 0, 0, -3, 0], shape: [1, 1, 6])]),
    Example(
      "ceil_mode and strides",
      attributes: [
        "kernel_shape": .ints([2, 2]), "strides": .ints([2, 2]), "ceil_mode": .int(1),
      ],
      inputs: [
        Tensor([3.0, -1, 1, -1, 1, 0, -2, -2], shape: [1, 2, 2, 2]),
        Tensor(
          [-9.0, -5, -2, 4, -8, -7, 1, -1, -3, 7, 0, 3, 6, 5, -4, -6, 8, 2], shape: [1, 2, 3, 3]),
      ],
      outputs: [
        Tensor([0.0, 0, -1, 3, 0, 0, 1, 0, -1, 1, 0, 0, 0, 0, 0, 0, -2, -2], shape: [1, 2, 3, 3])
      ]),
  ]
}
