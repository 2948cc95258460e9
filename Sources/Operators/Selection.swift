package import Graphs
package import Kernels
package import Tensors

/// The first choice where the condition holds, the second elsewhere; all three stretch to one shape.
///
/// Gradients: dy where the condition holds, and dy where it does not; none of the condition.
/// <https://onnx.ai/onnx/operators/onnx__Where.html>.
package struct Where: Attributeless {
  package static let specification = Specification("Where", since: 9, inputs: 3...3)
  package static let examples = [
    Example(
      "equal shapes", inputs: [Tensor([true, false]), Tensor([1.0, 2]), Tensor([3.0, 4])],
      outputs: [Tensor([1.0, 4])], differentiable: [1, 2]),
    Example(
      "a scalar and a row by a column",
      inputs: [Tensor([true, false], shape: [2, 1]), Tensor(scalar: 9.0), Tensor([3.0, 4])],
      outputs: [Tensor([9.0, 9, 3, 4], shape: [2, 2])], differentiable: [1, 2]),
    Example(
      "integers", inputs: [Tensor([true, false]), Tensor([1 as Int64, 2]), Tensor([3 as Int64])],
      outputs: [Tensor([1 as Int64, 3])]),
  ]

  package init() {}

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (condition, a, b) = (
      try inputs.required(0), try inputs.required(1), try inputs.required(2)
    )
    guard condition.elementType == .bool, a.elementType == b.elementType else {
      throw OperatorError(
        "\(condition.elementType) chooses between \(a.elementType) and \(b.elementType)")
    }
    guard let values = Shape.broadcast(a.shape, b.shape),
      let shape = Shape.broadcast(condition.shape, values)
    else {
      throw OperatorError("\(condition.shape), \(a.shape) and \(b.shape) do not broadcast")
    }
    return [TensorType(a.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.select(
        try inputs.required(0), try inputs.required(1), try inputs.required(2))
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let condition = Formula(try context.input(0))
    let dy = try context.outputGradient()
    return [
      nil,
      try context.appendIfWanted(Formula(dy).where(condition, else: 0), 1, dy),
      try context.appendIfWanted(Formula(0).where(condition, else: Formula(dy)), 2, dy),
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    guard inputs.first??.degree.isConstant ?? true else {
      throw Inhomogeneity("chooses by a condition that depends on the model's input")
    }
    return try Array(inputs.dropFirst()).commonDegree()
  }
}
