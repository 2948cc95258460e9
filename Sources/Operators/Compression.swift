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
