package import Kernels
package import Tensors

/// The gradient of a broadcast operand: the sum over the dimensions that it was stretched along.
package struct SumToShape: Operator {
  package let shape: Shape

  package static let specification = Specification(internal: "SumToShape", inputs: 1...1)

  package static let examples = [
    Example(
      "rows and a leading dimension", attributes: ["shape": .ints([1, 2])],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2])],
      outputs: [Tensor([16.0, 20], shape: [1, 2])], differentiable: [0])
  ]

  package init(_ shape: Shape) { self.shape = shape }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.shape = try attributes.shape()
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    guard let input = inputs.first ?? nil, Shape.broadcast(input.shape, shape) == input.shape else {
      throw OperatorError("the operand is not \(shape) stretched")
    }
    return [TensorType(input.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.sum(try inputs.required(0), to: shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let stretched = try context.type(of: try context.input(0)).shape
    return [try context.append(StretchToShape(stretched), try context.outputGradient())]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// A tensor repeated along the dimensions that broadcasting stretches: the gradient of a sum.
package struct StretchToShape: Operator {
  package let shape: Shape

  package static let specification = Specification(internal: "StretchToShape", inputs: 1...1)

  package static let examples = [
    Example(
      "a column to rows", attributes: ["shape": .ints([2, 2, 2])],
      inputs: [Tensor([1.0, 2], shape: [2, 1])],
      outputs: [Tensor([1.0, 1, 2, 2, 1, 1, 2, 2], shape: [2, 2, 2])], differentiable: [0])
  ]

  package init(_ shape: Shape) { self.shape = shape }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.shape = try attributes.shape()
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    guard let input = inputs.first ?? nil, Shape.broadcast(input.shape, shape) == shape else {
      throw OperatorError("the operand cannot be stretched to \(shape)")
    }
    return [TensorType(input.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.stretch(try inputs.required(0), to: shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let original = try context.type(of: try context.input(0)).shape
    return [try context.append(SumToShape(original), try context.outputGradient())]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

extension Attributes {
  fileprivate mutating func shape() throws(OperatorError) -> Shape {
    guard let shape = Shape(checking: try ints("shape") ?? []) else {
      throw OperatorError("attribute shape is not a shape")
    }
    return shape
  }
}
