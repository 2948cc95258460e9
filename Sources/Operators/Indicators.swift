package import Graphs
package import Kernels
package import Tensors

/// Vectors along a new dimension that hold one value at an index and another elsewhere.
///
/// Negative indices count from the end since opset 11. It has no gradient.
/// <https://onnx.ai/onnx/operators/onnx__OneHot.html>
package struct OneHot: Operator {
  private let axis: Int
  private let countsFromEnd: Bool

  package static let specification = Specification(
    "OneHot", opsets: 9...Specification.newestOpset, inputs: 3...3)

  package static let examples = [
    Example(
      "innermost; one counted from the end, one out of range",
      inputs: [
        Tensor([1, -1, 5] as [Int64]), Tensor(scalar: 3 as Int64), Tensor([0.0, 2]),
      ],
      outputs: [Tensor([0.0, 2, 0, 0, 0, 2, 0, 0, 0], shape: [3, 3])]),
    Example(
      "outermost", attributes: ["axis": .int(0)],
      inputs: [
        Tensor([1, 0] as [Int64]), Tensor([2] as [Int64]), Tensor([-1, 1] as [Int32]),
      ],
      outputs: [Tensor([-1, 1, 1, -1] as [Int32], shape: [2, 2])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: -1)
    self.countsFromEnd = attributes.opset >= 11
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (indices, values) = (try inputs.required(0), try inputs.required(2))
    guard values.shape.dimensions == [2] else {
      throw OperatorError("the values must be a vector of two, not \(values.shape)")
    }
    let depth = try inputs.required(1).scalar("the depth")
    guard depth >= 1, depth <= Double(Shape.elementLimit) else {
      throw OperatorError("the depth is \(depth)")
    }
    var dimensions = indices.shape.dimensions
    dimensions.insert(Int(depth), at: try Shape.dimension(of: axis, rank: dimensions.count + 1))
    return [TensorType(values.elementType, try Shape(result: dimensions))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let shape = try infer(inputs.operands)[0].shape
    let axis = try shape.dimension(of: axis)
    let depth = Int64(shape[axis])
    let given = try inputs.required(0).converted(to: .int64).elements(as: Int64.self)
    let indices = countsFromEnd ? given.map { $0 < 0 ? $0 + depth : $0 } : given
    return [
      workspace.oneHot(indices, shape, axis: axis, values: try inputs.required(2))
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 2, "the values")
    return [nil, nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "its indices depend on the model's input")
  }
}

/// A matrix of the input's shape, 1 on the diagonal `k` and 0 elsewhere.
///
/// It has no gradient. <https://onnx.ai/onnx/operators/onnx__EyeLike.html>
package struct EyeLike: Operator {
  private let elementType: ElementType?
  private let k: Int

  package static let specification = Specification(
    "EyeLike", opsets: 9...Specification.newestOpset, inputs: 1...1)

  package static let examples = [
    Example(
      "above the diagonal, in another type", attributes: ["k": .int(1), "dtype": .int(6)],
      inputs: [Tensor([5.0, 5, 5, 5, 5, 5], shape: [2, 3])],
      outputs: [Tensor([0, 1, 0, 0, 0, 1] as [Int32], shape: [2, 3])]),
    Example(
      "in the type of the input", inputs: [Tensor([5.0, 5, 5, 5], shape: [2, 2])],
      outputs: [Tensor([1.0, 0, 0, 1], shape: [2, 2])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.elementType = try attributes.elementType("dtype")
    self.k = try attributes.int("k", default: 0)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard x.shape.rank == 2 else { throw OperatorError("\(x.shape) is not a matrix") }
    return [TensorType(elementType ?? x.elementType, x.shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let values = Tensor([0.0, 1]).converted(to: elementType ?? x.elementType)
    let columns = (0..<x.shape[0]).map { row in
      let (column, overflow) = row.addingReportingOverflow(k)
      return overflow ? -1 : Int64(column)
    }
    return [workspace.oneHot(columns, x.shape, axis: 1, values: values)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    .exactly(0)
  }
}
