package import Graphs
package import Kernels
package import Tensors

/// The same elements under a shape that is known: what gradients of reductions need.
///
/// Gradient: dy under the old shape.
package struct ReshapeTo: Operator {
  private let shape: Shape

  package static let specification = Specification(internal: "ReshapeTo", inputs: 1...1)
  package static let examples = [
    Example(
      "a row", attributes: ["shape": .ints([1, 4])],
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2])],
      outputs: [Tensor([1.0, 2, 3, 4], shape: [1, 4])], differentiable: [0])
  ]

  package init(_ shape: Shape) { self.shape = shape }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    guard let shape = Shape(checking: try attributes.ints("shape") ?? []) else {
      throw OperatorError("attribute shape is not a shape")
    }
    self.shape = shape
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard x.shape.elementCount == shape.elementCount else {
      throw OperatorError("\(x.shape) has another number of elements than \(shape)")
    }
    return [TensorType(x.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).reshaped(to: shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let original = try context.type(of: try context.input(0)).shape
    return [try context.append(ReshapeTo(original), try context.outputGradient())]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}
