package import Graphs
package import Kernels
package import Tensors

/// The operator `Shape`: the extents of its input as int64, those from `start` to `end` since opset
/// 15. It has no gradient. <https://onnx.ai/onnx/operators/onnx__Shape.html>
package struct ShapeQuery: ShapeOperator {
  private let start: Int
  private let end: Int

  package static let specification = Specification("Shape", inputs: 1...1)

  package static let examples = [
    Example(
      "all extents", inputs: [Tensor([1.0, 2, 3], shape: [1, 3])],
      outputs: [Tensor([1, 3] as [Int64])]),
    Example(
      "those from -2 on, clamped", attributes: ["start": .int(-2), "end": .int(9)],
      inputs: [Tensor([1.0, 2, 3], shape: [1, 3, 1])], outputs: [Tensor([3, 1] as [Int64])]),
    Example(
      "none", attributes: ["start": .int(1), "end": .int(0)], inputs: [Tensor([1.0])],
      outputs: [Tensor([Int64]())]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let sliced = attributes.opset >= 15
    self.start = sliced ? try attributes.int("start", default: 0) : 0
    self.end = sliced ? try attributes.int("end", default: Int.max) : Int.max
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [TensorType(.int64, [extents(of: try inputs.required(0).shape).count])]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try evaluate(inputs.map { $0?.shape })
  }

  package func evaluate(_ shapes: [Shape?]) throws(OperatorError) -> [Tensor] {
    guard let shape = shapes.first ?? nil else { throw OperatorError("input 0 is missing") }
    return [Tensor(extents(of: shape).map(Int64.init))]
  }

  package var acceptsAnyLayout: Bool { true }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    .exactly(0)
  }

  private func extents(of shape: Shape) -> [Int] {
    let clamp = { (axis: Int) in min(max(axis < 0 ? axis + shape.rank : axis, 0), shape.rank) }
    return Array(shape.dimensions[clamp(start)..<max(clamp(start), clamp(end))])
  }
}

/// The operator `Size`: the number of elements of its input as an int64 scalar. It has no gradient.
/// <https://onnx.ai/onnx/operators/onnx__Size.html>
package struct SizeQuery: ShapeOperator {
  package static let specification = Specification("Size", inputs: 1...1)

  package static let examples = [
    Example(
      "six elements", inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])],
      outputs: [Tensor(scalar: 6 as Int64)])
  ]

  package init(_ attributes: inout Attributes) {}

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    _ = try inputs.required(0)
    return [TensorType(.int64, [])]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try evaluate(inputs.map { $0?.shape })
  }

  package func evaluate(_ shapes: [Shape?]) throws(OperatorError) -> [Tensor] {
    guard let shape = shapes.first ?? nil else { throw OperatorError("input 0 is missing") }
    return [Tensor(scalar: Int64(shape.elementCount))]
  }

  package var acceptsAnyLayout: Bool { true }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    .exactly(0)
  }
}
