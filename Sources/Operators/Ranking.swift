package import Graphs
package import Kernels
package import Tensors

/// The `k` largest or smallest elements along `axis` in order, and their indices.
///
/// Of equal elements the one with the lower index comes first. `k` is an attribute before opset 10;
/// 11 added `largest` and `sorted`, which is always obeyed. Gradient: dy put where the elements were.
/// <https://onnx.ai/onnx/operators/onnx__TopK.html>
package struct TopK: Operator {
  private let axis: Int
  private let count: Int?
  private let largest: Bool

  package static let specification = Specification("TopK", inputs: 1...2, outputs: 1...2)

  package static let examples = [
    Example(
      "the two largest of each row",
      inputs: [Tensor([1.0, 4, 3, 7, 5, 6], shape: [2, 3]), Tensor([2] as [Int64])],
      outputs: [
        Tensor([4.0, 3, 7, 6], shape: [2, 2]), Tensor([1, 2, 0, 2] as [Int64], shape: [2, 2]),
      ], differentiable: [0]),
    Example(
      "the smallest of each column, the first where equal",
      attributes: ["axis": .int(0), "largest": .int(0)],
      inputs: [Tensor([2, 1, 2, 3] as [Int32], shape: [2, 2]), Tensor([1] as [Int64])],
      outputs: [
        Tensor([2, 1] as [Int32], shape: [1, 2]), Tensor([0, 0] as [Int64], shape: [1, 2]),
      ]),
    Example(
      "k as an attribute", attributes: ["k": .int(1)], opset: 1, inputs: [Tensor([1.0, 2])],
      outputs: [Tensor([2.0]), Tensor([1] as [Int64])], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: -1)
    self.count = attributes.opset < 10 ? try attributes.int("k") : nil
    self.largest =
      attributes.opset < 11 ? true : try attributes.flag("largest", default: true)
    if attributes.opset >= 11 { attributes.ignore("sorted") }  // Sorted is one of any orders.
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let axis = try x.shape.dimension(of: axis)
    let shape = try x.shape.replacing(axis, by: try count(of: x.shape[axis], inputs))
    return [TensorType(x.elementType, shape), TensorType(.int64, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let axis = try x.shape.dimension(of: axis)
    let (values, indices) = try workspace.topK(
      x, axis: axis, count: try count(of: x.shape[axis], inputs.operands), largest: largest)
    return [values, indices]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    guard context.node.outputs.count == 2 else {
      throw OperatorError("the gradient needs the indices as a second output")
    }
    let zeros = context.zeros(try context.inputType(0))
    return [
      try context.append(
        ScatterElements(axis: axis, .none), zeros, context.output(1),
        try context.outputGradient())
    ] + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "its two outputs scale differently")
  }

  private func count(of extent: Int, _ inputs: [Operand?]) throws(OperatorError) -> Int {
    let given = if let count { [count] } else { try inputs.required(1).integers("k") }
    guard given.count == 1, (0...extent).contains(given[0]) else {
      throw OperatorError("k is \(given), not a number up to the extent \(extent)")
    }
    return given[0]
  }
}
