package import Graphs
package import Kernels
package import Tensors

/// The input with its dimensions reordered; reversed if `perm` is left out.
///
/// Gradient: dx = dy transposed by the inverse permutation.
/// <https://onnx.ai/onnx/operators/onnx__Transpose.html>
package struct Transpose: Operator {
  private let permutation: [Int]?

  package static let specification = Specification("Transpose", inputs: 1...1)

  package static let examples = [
    Example(
      "a matrix", inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])],
      outputs: [Tensor([1.0, 4, 2, 5, 3, 6], shape: [3, 2])], differentiable: [0]),
    Example(
      "a cycle of three", attributes: ["perm": .ints([1, 2, 0])],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], shape: [2, 3, 2])],
      outputs: [Tensor([1.0, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12], shape: [3, 2, 2])],
      differentiable: [0]),
    Example(
      "a channel shuffle", attributes: ["perm": .ints([0, 2, 1, 3])],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 2, 2, 2])],
      outputs: [Tensor([1.0, 2, 5, 6, 3, 4, 7, 8], shape: [1, 2, 2, 2])], differentiable: [0]),
  ]

  package init(permutation: [Int]? = nil) { self.permutation = permutation }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.permutation = try attributes.ints("perm")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let order = order(of: x.shape.rank)
    guard order.sorted() == Array(x.shape.indices) else {
      throw OperatorError("\(order) is not a permutation of the \(x.shape.rank) dimensions")
    }
    return [TensorType(x.elementType, Shape(order.map { x.shape[$0] }))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [workspace.transpose(x, by: order(of: x.shape.rank))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let order = order(of: try context.inputType(0).shape.rank)
    let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    return [
      try context.append(Transpose(permutation: inverse), try context.outputGradient())
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func order(of rank: Int) -> [Int] { permutation ?? (0..<rank).reversed() }
}
