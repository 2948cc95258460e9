package import Graphs
package import Kernels
package import Tensors

/// Convolution: y[n, m, o] = b[m] + sum over c, k of w[m, c, k] x[n, c, o * stride + k * dilation
/// - pad], the channels cut into groups that do not see each other.
///
/// Gradient: dx is the transposed convolution of dy with the same weights. 1 to 3 spatial
/// dimensions. One meaning since opset 1. <https://onnx.ai/onnx/operators/onnx__Conv.html>
package struct Conv: Spelled {
  let attributes: ConvolutionAttributes

  package static let specification = Specification("Conv", inputs: 2...3)

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.attributes = try ConvolutionAttributes(&attributes)
  }

  package init(_ parameters: ConvolutionParameters) {
    self.attributes = ConvolutionAttributes(parameters)
  }

  package var acceptsAnyLayout: Bool { true }

  package var spelling: [String: AttributeValue]? { attributes.spelling }

  /// How many groups the channels are cut into.
  package var groups: Int { attributes.groups }

  /// The parameters for an input N x C x spatial and weights M x C/group x kernel.
  ///
  /// - Throws: if they do not agree.
  package func parameters(
    input: Shape, weights: Shape
  ) throws(OperatorError) -> ConvolutionParameters {
    try attributes.parameters(input, weights)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [try inputs.convolutionType(attributes)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (x, weights) = (try inputs.required(0), try inputs.required(1))
    let parameters = try attributes.parameters(x.shape, weights.shape)
    return [
      try workspace.convolution(x, weights: weights, bias: inputs.optional(2), parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 1, "the weights")
    try context.refuseGradient(of: 2, "the bias")
    let (x, weights) = (try context.input(0), try context.input(1))
    let shape = try context.type(of: x).shape
    let parameters = try attributes.parameters(shape, try context.type(of: weights).shape)
    let operation = ConvInputGradient(parameters, inputShape: shape)
    return [try context.append(operation, try context.outputGradient(), weights), nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.affineDegree(bias: 2)
  }
}

extension [Operand?] {
  /// The output type of a convolution of operand 0 with weights 1 and an optional bias 2.
  func convolutionType(_ attributes: ConvolutionAttributes) throws(OperatorError) -> TensorType {
    let (x, weights) = (try required(0), try required(1))
    if x.elementType == .bfloat16 {
      try Array(dropFirst().prefix(2)).checkFloatingPoint()
    } else {
      try checkFloatingPoint()
    }
    let parameters = try attributes.parameters(x.shape, weights.shape)
    try checkBias(2, count: weights.shape[0])
    let extents = try parameters.window.outputExtents(of: [Int](x.shape.dropFirst(2)))
    guard let shape = Shape(checking: [x.shape[0], weights.shape[0]] + extents) else {
      throw OperatorError("the output would be too large")
    }
    return TensorType(x.elementType, shape)
  }
}

/// The gradient of `Conv` with respect to its input: each element of dy spread over the places of
/// its window, times the weights. Its own gradient with respect to dy is the convolution.
package struct ConvInputGradient: Lowerable {
  private let parameters: ConvolutionParameters
  private let inputShape: Shape

  package static let specification = Specification(internal: "ConvInputGradient", inputs: 2...2)

  package init(_ parameters: ConvolutionParameters, inputShape: Shape) {
    self.parameters = parameters
    self.inputShape = inputShape
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let convolution = try ConvolutionAttributes(&attributes)
    guard let kernel = convolution.window.kernel,
      let shape = Shape(checking: try attributes.ints("input_shape") ?? [])
    else { throw OperatorError("kernel_shape and input_shape should be given") }
    self.init(
      ConvolutionParameters(
        window: try convolution.window.window(
          kernel: kernel, over: Array(shape.dropFirst(2))), groups: convolution.groups),
      inputShape: shape)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, weights) = (try inputs.required(0), try inputs.required(1))
    let operands: [Operand?] = [Operand(TensorType(dy.elementType, inputShape)), weights]
    let output = try operands.convolutionType(ConvolutionAttributes(parameters))
    guard output == dy.type else {
      throw OperatorError("the gradient is \(dy.type), the output \(output)")
    }
    return [TensorType(dy.elementType, inputShape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.convolutionInputGradient(
        try inputs.required(0), weights: try inputs.required(1), shape: inputShape, parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 1, "the weights")
    return [
      try context.append(
        Conv(parameters), try context.outputGradient(), try context.input(1)), nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.productDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let output = try context.shape(of: try context.input(0)).dropFirst(2)
    let spelling = parameters.window.spreading(Array(output), over: Array(inputShape.dropFirst(2)))
    return try context.write(
      ConvTranspose.self, context.inputs,
      spelling.merging(["group": .int(parameters.groups)]) { first, _ in first })
  }
}

extension Conv {
  package static let examples = [
    Example(
      "the definition, with a bias",
      inputs: [
        Tensor([-3.0, 0, 1, 0, 0, 3, -3, 2, -3], shape: [1, 1, 3, 3]),
        Tensor([0.0, 1, 3, 2], shape: [1, 1, 2, 2]), Tensor([2.0], shape: [1]),
      ],
      outputs: [Tensor([2.0, 9, -3, 5], shape: [1, 1, 2, 2])], differentiable: [0]),
    Example(
      "strides, dilations and pads that differ between sides",
      attributes: [
        "kernel_shape": .ints([2, 3]), "strides": .ints([2, 1]), "dilations": .ints([1, 2]),
        "pads": .ints([1, 0, 0, 2]),
      ],
      inputs: [
        Tensor(
          [-1.0, 2, 3, 0, 1, -2, 0, -1, 1, 3, -1, 2, 2, -1, 0, 2, -3, 2, -1, 3, -1, 2, 1, -2],
          shape: [1, 2, 3, 4]),
        Tensor(
          [1.0, 1, 0, -2, -2, 1, 0, -2, 1, 0, 3, -1, -2, 2, -1, 2, -1, -3, 1, -1, -2, 0, 0, 1],
          shape: [2, 2, 2, 3]),
      ],
      outputs: [Tensor([-4.0, 2, 6, -25, -5, 4, -1, 5], shape: [1, 2, 2, 2])], differentiable: [0]),
    Example(
      "two groups", attributes: ["group": .int(2)],
      inputs: [
        Tensor(
          [-3.0, 1, -1, -1, -1, -3, -3, -2, -2, -3, 2, -1, 0, -2, 2, 3], shape: [1, 4, 2, 2]),
        Tensor([2.0, 3, -2, 3, -2, -2, 2, 1], shape: [2, 2, 1, 2]),
      ],
      outputs: [Tensor([-10.0, -5, 8, 5], shape: [1, 2, 2, 1])], differentiable: [0]),
    Example(
      "one spatial dimension, a group per channel", attributes: ["group": .int(2)],
      inputs: [
        Tensor([3.0, 2, 0, 0, -2, 2, 2, -3, 1, -3, 3, 0], shape: [2, 2, 3]),
        Tensor([0.0, -1, 3, -2], shape: [2, 1, 2]),
      ],
      outputs: [Tensor([-2.0, 0, 4, -10, 3, -1, -15, 9], shape: [2, 2, 2])], differentiable: [0]),
    Example(
      "three spatial dimensions",
      inputs: [
        Tensor([2.0, -2, 2, 0, 0, 1, 1, -1], shape: [1, 1, 2, 2, 2]),
        Tensor([-1.0, 3, 3, 2], shape: [1, 1, 2, 1, 2]),
      ],
      outputs: [Tensor([-6.0, -1], shape: [1, 1, 1, 2, 1])], differentiable: [0]),
    Example(
      "SAME_UPPER puts an odd pad at the end",
      attributes: ["auto_pad": .string("SAME_UPPER"), "strides": .ints([1, 2])],
      inputs: [
        Tensor([-2.0, 2, -2, -2], shape: [1, 1, 1, 4]), Tensor([-1.0, 3, 1], shape: [1, 1, 1, 3]),
      ],
      outputs: [Tensor([6.0, -4], shape: [1, 1, 1, 2])], differentiable: [0]),
    Example(
      "SAME_LOWER puts an odd pad at the beginning",
      attributes: ["auto_pad": .string("SAME_LOWER"), "strides": .ints([1, 2])],
      inputs: [
        Tensor([-2.0, 2, -2, -2], shape: [1, 1, 1, 4]), Tensor([-1.0, 3, 1], shape: [1, 1, 1, 3]),
      ],
      outputs: [Tensor([-4.0, -10], shape: [1, 1, 1, 2])], differentiable: [0]),
    Example(
      "VALID does not pad", attributes: ["auto_pad": .string("VALID")],
      inputs: [
        Tensor([-2.0, 2, -2, -2], shape: [1, 1, 1, 4]), Tensor([-1.0, 3, 1], shape: [1, 1, 1, 3]),
      ],
      outputs: [Tensor([6.0, -10], shape: [1, 1, 1, 2])]),
  ]
}

extension ConvInputGradient {
  package static let examples = [
    Example(
      "every element spread over its window",
      attributes: ["kernel_shape": .ints([2, 2]), "input_shape": .ints([1, 1, 3, 3])],
      inputs: [
        Tensor([1.0, -3, 1, 2], shape: [1, 1, 2, 2]), Tensor([1.0, 0, 1, 2], shape: [1, 1, 2, 2]),
      ],
      outputs: [Tensor([1.0, -3, 0, 2, 1, -6, 1, 4, 4], shape: [1, 1, 3, 3])], differentiable: [0]),
    Example(
      "groups, strides, dilations and pads; the end of the input that no window reaches gets 0",
      attributes: [
        "kernel_shape": .ints([2]), "strides": .ints([2]), "dilations": .ints([3]),
        "group": .int(2), "input_shape": .ints([1, 2, 7]),
      ],
      inputs: [
        Tensor([0.0, 2, -3, -1], shape: [1, 2, 2]), Tensor([0.0, -1, 0, 2], shape: [2, 1, 2]),
      ],
      outputs: [Tensor([0.0, 0, 0, 0, 0, -2, 0, 0, 0, 0, -6, 0, -2, 0], shape: [1, 2, 7])],
      differentiable: [0]),
  ]
}
