package import Kernels
package import Tensors

/// The sum of the gradients that reach a value from its readers.
package struct Accumulate: Operator {
  package static let specification = Specification(
    internal: "Accumulate", inputs: Specification.many)

  package static let examples = [
    Example(
      "three terms", inputs: [Tensor([1.0, 2]), Tensor([3.0, 4]), Tensor([5.0, 6])],
      outputs: [Tensor([9.0, 12])], differentiable: [0, 1, 2])
  ]

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let types = inputs.compactMap { $0?.type }
    guard let first = types.first, types.allSatisfy({ $0 == first }) else {
      throw OperatorError("the gradients to add differ in type")
    }
    return [first]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.sum(inputs.compactMap(\.self))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let gradient = try context.outputGradient()
    return context.node.inputs.map { _ in gradient }
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.commonDegree()
  }
}
