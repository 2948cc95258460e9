package import Graphs
package import Kernels
package import Tensors

/// A convolution, a tensor of its output's shape added to it where there is one, and where it
/// rectifies, negative results replaced by 0: three nodes in one pass over memory.
///
/// Inputs: x, weights, bias (optional), addend (optional). The fusion comes after gradients are
/// built, so that it needs none. In float32 the rectifier is oneDNN's, which makes 0 of a NaN.
package struct FusedConvolution: Operator {
  private let attributes: ConvolutionAttributes
  private let rectifies: Bool

  package static let specification = Specification(internal: "FusedConvolution", inputs: 2...4)

  /// The convolution of a node, followed by a rectifier or not.
  package init(_ convolution: Conv, rectifies: Bool) {
    attributes = convolution.attributes
    self.rectifies = rectifies
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.attributes = try ConvolutionAttributes(&attributes)
    rectifies = try attributes.flag("rectifies", default: false)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let output = try inputs.convolutionType(attributes)
    if let addend = inputs.optional(3), addend.type != output {
      throw OperatorError("the addend is \(addend.type), the convolution \(output)")
    }
    return [output]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (x, weights) = (try inputs.required(0), try inputs.required(1))
    let parameters = try attributes.parameters(x.shape, weights.shape)
    return [
      try workspace.convolution(
        x, weights: weights, bias: inputs.optional(2), addend: inputs.optional(3),
        rectified: rectifies, parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("fused operators have no gradient; differentiate before fusing")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    let sum = HomogeneityOperand(try inputs.affineDegree(bias: 2))
    return try [sum, inputs.count > 3 ? inputs[3] : nil].commonDegree()
  }
}

extension FusedConvolution {
  package static let examples = [
    Example(
      "bias, addend and rectifier", attributes: ["rectifies": .int(1)],
      inputs: [
        Tensor([-3.0, 0, 1, 0, 0, 3, -3, 2, -3], shape: [1, 1, 3, 3]),
        Tensor([0.0, 1, 3, 2, 2, -1, 2, 3], shape: [2, 1, 2, 2]), Tensor([0.0, 1], shape: [2]),
        Tensor([-2.0, 0, -1, 1, 3, -1, 2, 2], shape: [1, 2, 2, 2]),
      ],
      outputs: [Tensor([0.0, 7, 0, 4, 0, 8, 3, 0], shape: [1, 2, 2, 2])]),
    Example(
      "no bias, no rectifier",
      inputs: [
        Tensor([-3.0, 0, 1, 0, 0, 3, -3, 2, -3], shape: [1, 1, 3, 3]),
        Tensor([0.0, 1, 3, 2, 2, -1, 2, 3], shape: [2, 1, 2, 2]), nil,
        Tensor([-2.0, 0, -1, 1, 3, -1, 2, 2], shape: [1, 2, 2, 2]),
      ],
      outputs: [Tensor([-2.0, 7, -6, 4, -3, 7, 2, -6], shape: [1, 2, 2, 2])]),
    Example(
      "a rectifier alone", attributes: ["rectifies": .int(1), "strides": .ints([1, 1])],
      inputs: [
        Tensor([-3.0, 0, 1, 0, 0, 3, -3, 2, -3], shape: [1, 1, 3, 3]),
        Tensor([0.0, 1, 3, 2, 2, -1, 2, 3], shape: [2, 1, 2, 2]),
      ],
      outputs: [Tensor([0.0, 7, 0, 3, 0, 8, 0, 0], shape: [1, 2, 2, 2])]),
  ]
}
