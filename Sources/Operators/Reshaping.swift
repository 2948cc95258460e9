package import Graphs
package import Kernels
package import Tensors

/// The same elements under another shape.
///
/// In `shape`, -1 stands for what is left and 0 for the extent of the input at that place, unless
/// `allowzero` gives it its plain meaning. Opset 1 had `shape` as an attribute, 5 made it an input,
/// 14 added `allowzero`. Gradient: dx = dy in the shape of x.
/// <https://onnx.ai/onnx/operators/onnx__Reshape.html>
package struct Reshape: Spelled {
  private let shape: [Int]?
  private let allowsZero: Bool

  package static let specification = Specification("Reshape", inputs: 1...2)

  package static let examples = [
    Example(
      "what is left, and an extent kept",
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [1, 2, 3]), Tensor([-1, 2] as [Int64])],
      outputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])], differentiable: [0]),
    Example(
      "0 keeps an extent",
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([0, 1, -1] as [Int64])],
      outputs: [Tensor([1.0, 2, 3, 4], shape: [2, 1, 2])], differentiable: [0]),
    Example(
      "0 means 0", attributes: ["allowzero": .int(1)],
      inputs: [Tensor([Double](), shape: [3, 0]), Tensor([0, 2] as [Int64])],
      outputs: [Tensor([Double](), shape: [0, 2])]),
    Example(
      "shape as an attribute", attributes: ["shape": .ints([3, -1])], opset: 1,
      inputs: [Tensor([1.0, 2, 3], shape: [1, 3])], outputs: [Tensor([1.0, 2, 3], shape: [3, 1])],
      differentiable: [0]),
  ]

  package init(allowsZero: Bool = false) {
    self.shape = nil
    self.allowsZero = allowsZero
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    if attributes.opset < 5 {
      self.shape = try attributes.ints("shape") ?? []
      self.allowsZero = false
      attributes.ignore("consumed_inputs")  // In-place hint of opset 1.
    } else {
      self.shape = nil
      self.allowsZero =
        attributes.opset < 14 ? false : try attributes.flag("allowzero", default: false)
    }
  }

  package var spelling: [String: AttributeValue]? {
    guard shape == nil else { return nil }
    return allowsZero ? ["allowzero": .int(1)] : [:]
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let wanted: [Int]
    if let shape {
      wanted = shape
    } else {
      let operand = try inputs.required(1)
      guard operand.shape.rank == 1 else {
        throw OperatorError("the shape must be a vector, not \(operand.shape)")
      }
      wanted = try operand.integers("the shape")
    }
    return [TensorType(x.elementType, try resolve(wanted, for: x.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).reshaped(to: try infer(inputs.operands)[0].shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [try context.reshape(try context.outputGradient(), to: shape), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func resolve(_ wanted: [Int], for input: Shape) throws(OperatorError) -> Shape {
    var dimensions = wanted
    if !allowsZero {
      for axis in dimensions.indices where dimensions[axis] == 0 {
        guard axis < input.rank else {
          throw OperatorError("shape \(wanted) keeps extent \(axis) of \(input), which has none")
        }
        dimensions[axis] = input[axis]
      }
    }
    let open = dimensions.indices.filter { dimensions[$0] == -1 }
    if let axis = open.first {
      guard open.count == 1 else { throw OperatorError("shape \(wanted) has more than one -1") }
      dimensions[axis] = 1
      let known = try Shape(result: dimensions).elementCount
      guard known > 0, input.elementCount % known == 0 else {
        throw OperatorError("\(input) cannot be reshaped to \(wanted)")
      }
      dimensions[axis] = input.elementCount / known
    }
    let shape = try Shape(result: dimensions)
    guard shape.elementCount == input.elementCount else {
      throw OperatorError("\(input) cannot be reshaped to \(wanted)")
    }
    return shape
  }
}

/// The input as a matrix: dimensions before `axis` become rows, the others columns.
///
/// Gradient: dx = dy in the shape of x. Opset 11 allowed negative axes.
/// <https://onnx.ai/onnx/operators/onnx__Flatten.html>
package struct Flatten: Spelled {
  private let axis: Int

  package static let specification = Specification("Flatten", inputs: 1...1)

  package static let examples = [
    Example(
      "pictures to rows", inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 1, 2, 2])],
      outputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4])], differentiable: [0]),
    Example(
      "an axis counted from the end", attributes: ["axis": .int(-1)],
      inputs: [Tensor([1.0, 2, 3, 4], shape: [1, 2, 2])],
      outputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2])], differentiable: [0]),
    Example(
      "one row", attributes: ["axis": .int(0)], inputs: [Tensor([1.0, 2], shape: [2, 1])],
      outputs: [Tensor([1.0, 2], shape: [1, 2])], differentiable: [0]),
  ]

  package init(axis: Int = 1) { self.axis = axis }

  package var spelling: [String: AttributeValue]? { ["axis": .int(axis)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: 1)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let cut = axis == x.shape.rank ? axis : try x.shape.dimension(of: axis)
    let rows = Shape(Array(x.shape.prefix(cut))).elementCount
    let columns = Shape(Array(x.shape.dropFirst(cut))).elementCount
    return [TensorType(x.elementType, try Shape(result: [rows, columns]))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).reshaped(to: try infer(inputs.operands)[0].shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [try context.reshape(try context.outputGradient(), to: shape)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The input without some of its dimensions of extent 1; without all of them if no axes are given.
///
/// Axes are an attribute before opset 13, an input since. Gradient: dx = dy in the shape of x.
/// <https://onnx.ai/onnx/operators/onnx__Squeeze.html>
package struct Squeeze: Lowerable {
  private let axes: [Int]?

  package static let specification = Specification("Squeeze", inputs: 1...2)

  package static let examples = [
    Example(
      "axes as an input",
      inputs: [Tensor([1.0, 2], shape: [1, 2, 1]), Tensor([-1] as [Int64])],
      outputs: [Tensor([1.0, 2], shape: [1, 2])], differentiable: [0]),
    Example(
      "axes as an attribute", attributes: ["axes": .ints([0])], opset: 11,
      inputs: [Tensor([1.0, 2], shape: [1, 2, 1])], outputs: [Tensor([1.0, 2], shape: [2, 1])],
      differentiable: [0]),
    Example(
      "all", inputs: [Tensor([1.0, 2], shape: [1, 2, 1])], outputs: [Tensor([1.0, 2])],
      differentiable: [0]),
  ]

  package init(axes: [Int]? = nil) { self.axes = axes }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axes = attributes.opset < 13 ? try attributes.ints("axes") : nil
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let axes = axes.map { context.integers($0) }
    let operands = [try context.input(0), axes ?? context.optionalInput(1)]
    return try context.write(Squeeze.self, operands.filter { $0 != nil }, [:])
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let axes = try inputs.optional(1)?.integers("the axes") ?? axes
    var dropped = x.shape.indices.filter { x.shape[$0] == 1 }
    if let axes {
      dropped = try x.shape.dimensions(of: axes)
      for axis in dropped where x.shape[axis] != 1 {
        throw OperatorError("extent \(axis) of \(x.shape) is not 1")
      }
    }
    let kept = x.shape.indices.filter { !dropped.contains($0) }.map { x.shape[$0] }
    return [TensorType(x.elementType, Shape(kept))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).reshaped(to: try infer(inputs.operands)[0].shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [try context.reshape(try context.outputGradient(), to: shape), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The input with dimensions of extent 1 put in; `axes` are their places in the result.
///
/// Axes are an attribute before opset 13, an input since. Gradient: dx = dy in the shape of x.
/// <https://onnx.ai/onnx/operators/onnx__Unsqueeze.html>
package struct Unsqueeze: Lowerable {
  private let axes: [Int]?

  package static let specification = Specification("Unsqueeze", inputs: 1...2)

  package static let examples = [
    Example(
      "axes as an input", inputs: [Tensor([1.0, 2]), Tensor([0, -1] as [Int64])],
      outputs: [Tensor([1.0, 2], shape: [1, 2, 1])], differentiable: [0]),
    Example(
      "axes as an attribute", attributes: ["axes": .ints([1])], opset: 11,
      inputs: [Tensor([1.0, 2])], outputs: [Tensor([1.0, 2], shape: [2, 1])], differentiable: [0]),
  ]

  package init(axes: [Int]? = nil) { self.axes = axes }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axes = attributes.opset < 13 ? try attributes.ints("axes") : nil
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let axes = axes.map { context.integers($0) }
    let operands = [try context.input(0), axes ?? context.optionalInput(1)]
    return try context.write(Unsqueeze.self, operands.filter { $0 != nil }, [:])
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard let axes = try inputs.optional(1)?.integers("the axes") ?? axes else {
      throw OperatorError("the axes are missing")
    }
    let rank = x.shape.rank + axes.count
    let added = try Shape.dimensions(of: axes, rank: rank)
    var extents = x.shape.makeIterator()
    let dimensions = (0..<rank).map { added.contains($0) ? 1 : extents.next() ?? 1 }
    return [TensorType(x.elementType, Shape(dimensions))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0).reshaped(to: try infer(inputs.operands)[0].shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [try context.reshape(try context.outputGradient(), to: shape), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}
