package import Graphs
package import Kernels
package import Tensors

/// The coordinates of the elements that are not 0: one row per dimension, one column per element.
///
/// How many there are decides the shape, so the input must be a constant. It has no gradient.
/// <https://onnx.ai/onnx/operators/onnx__NonZero.html>
package struct NonZero: Operator {
  package static let specification = Specification(
    "NonZero", opsets: 9...Specification.newestOpset, inputs: 1...1)

  package static let examples = [
    Example(
      "three of four", inputs: [Tensor([1, 0, 5, 2] as [Int32], shape: [2, 2])],
      outputs: [Tensor([0, 1, 1, 0, 0, 1] as [Int64], shape: [2, 3])]),
    Example(
      "truth", inputs: [Tensor([false, true])], outputs: [Tensor([1] as [Int64], shape: [1, 1])]),
  ]

  package init(_ attributes: inout Attributes) {}

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let count = try x.truePositions("which elements are not 0").count
    return [TensorType(.int64, try Shape(result: [x.shape.rank, count]))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = Operand(constant: try inputs.required(0))
    let positions = try x.truePositions("which elements are not 0")
    let coordinates = zip(x.shape, x.shape.strides).flatMap { extent, stride in
      positions.map { Int64($0 / stride % extent) }
    }
    return [Tensor(coordinates, shape: [x.shape.rank, positions.count])]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "asks which elements are 0")
  }
}

/// The slices along `axis`, or the elements if it is left out, for which a vector of Booleans is true.
///
/// The condition decides the shape and must be a constant; it may be shorter than the extent.
/// Gradient: dy among zeros. <https://onnx.ai/onnx/operators/onnx__Compress.html>
package struct Compress: Operator {
  private let axis: Int?

  package static let specification = Specification(
    "Compress", opsets: 9...Specification.newestOpset, inputs: 2...2)

  package static let examples = [
    Example(
      "rows", attributes: ["axis": .int(0)],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([false, true, true])],
      outputs: [Tensor([3.0, 4, 5, 6], shape: [2, 2])], differentiable: [0]),
    Example(
      "elements",
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([true, false, true])],
      outputs: [Tensor([1.0, 3])], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let count = try positions(inputs).count
    guard let axis else { return [TensorType(x.elementType, [count])] }
    return [
      TensorType(
        x.elementType, try x.shape.replacing(try x.shape.dimension(of: axis), by: count))
    ]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let positions = Tensor(try positions(inputs.operands).map(Int64.init))
    guard let axis else {
      return [try workspace.gather(x.reshaped(to: [x.elementCount]), positions, axis: 0)]
    }
    return [try workspace.gather(x, positions, axis: try x.shape.dimension(of: axis))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let positions = context.integers(try positions(context.operands))
    let shape = try context.inputType(0).shape
    let gradient = try context.outputGradient()
    if let axis {
      let scatter = GatherGradient(axis: try shape.dimension(of: axis), shape: shape)
      return [try context.append(scatter, gradient, positions), nil]
    }
    let flat = try context.append(
      GatherGradient(axis: 0, shape: [shape.elementCount]), gradient, positions)
    return [try context.reshape(flat, to: shape), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func positions(_ inputs: [Operand?]) throws(OperatorError) -> [Int] {
    let (x, condition) = (try inputs.required(0), try inputs.required(1))
    let extent: Int
    if let axis {
      extent = x.shape[try x.shape.dimension(of: axis)]
    } else {
      extent = x.shape.elementCount
    }
    guard condition.elementType == .bool, condition.shape.rank == 1 else {
      throw OperatorError("the condition must be a vector of Booleans, not \(condition.type)")
    }
    let positions = try condition.truePositions("the condition")
    if let last = positions.last, last >= extent {
      throw OperatorError("the condition selects \(last), out of range for an extent of \(extent)")
    }
    return positions
  }
}

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

/// The upper or the lower triangle of each matrix, zeros elsewhere; `k` shifts the diagonal up.
///
/// Gradient: the same triangle of dy. <https://onnx.ai/onnx/operators/onnx__Trilu.html>
package struct Trilu: Operator {
  private let upper: Bool

  package static let specification = Specification(
    "Trilu", opsets: 14...Specification.newestOpset, inputs: 1...2)

  package static let examples = [
    Example(
      "the upper one", inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])],
      outputs: [Tensor([1.0, 2, 3, 0, 5, 6], shape: [2, 3])], differentiable: [0]),
    Example(
      "the lower one without the diagonal", attributes: ["upper": .int(0)],
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor(scalar: -1 as Int64)],
      outputs: [Tensor([0.0, 0, 3, 0], shape: [2, 2])], differentiable: [0]),
  ]

  package init(upper: Bool) { self.upper = upper }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.upper = try attributes.flag("upper", default: true)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard x.shape.rank >= 2 else { throw OperatorError("\(x.shape) is not a matrix") }
    if let k = inputs.optional(1) {
      guard k.elementType == .int64, k.shape.elementCount == 1 else {
        throw OperatorError("k must be one int64, not \(k.type)")
      }
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let k = try inputs.optional(1)?.integers("k").first ?? 0
    return [workspace.triangle(try inputs.required(0), diagonal: k, upper: upper)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let k = context.node.inputs.count > 1 ? context.node.inputs[1] : nil
    return [try context.append(Trilu(upper: upper), try context.outputGradient(), k)]
      + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

extension Operand {
  /// The places in row-major order of the elements of a constant operand that are not 0.
  ///
  /// - Throws: if the operand is computed from the model's input; `role` names it in the message.
  fileprivate func truePositions(_ role: String) throws(OperatorError) -> [Int] {
    guard let constant else {
      throw OperatorError("\(role) depends on the model's input values, which is not supported")
    }
    let isTrue = constant.converted(to: .bool).elements(as: Bool.self)
    return isTrue.indices.filter { isTrue[$0] }
  }
}
