package import Graphs
package import Kernels
package import Tensors

/// The input stretched by the rules of broadcasting; it may also be longer than `shape` asks for.
///
/// Gradient: dy, which the walk sums over the stretched dimensions.
/// <https://onnx.ai/onnx/operators/onnx__Expand.html>
package struct Expand: Spelled {
  package static let specification = Specification(
    "Expand", opsets: 8...Specification.newestOpset, inputs: 2...2)

  package static let examples = [
    Example(
      "a column to rows",
      inputs: [Tensor([1.0, 2], shape: [2, 1]), Tensor([2, 1, 3] as [Int64])],
      outputs: [Tensor([1.0, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2], shape: [2, 2, 3])],
      differentiable: [0]),
    Example(
      "1 leaves an extent alone", inputs: [Tensor([1.0, 2]), Tensor([1] as [Int64])],
      outputs: [Tensor([1.0, 2])], differentiable: [0]),
  ]

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var spelling: [String: AttributeValue]? { [:] }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let wanted = try Shape(result: try inputs.required(1).integers("the shape"))
    guard let shape = Shape.broadcast(x.shape, wanted) else {
      throw OperatorError("\(x.shape) cannot be stretched to \(wanted)")
    }
    return [TensorType(x.elementType, try Shape(result: shape.dimensions))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let shape = try infer(inputs.operands)[0].shape
    return [try workspace.stretch(try inputs.required(0), to: shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [try context.outputGradient(), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The input repeated along each dimension as often as `repeats` says.
///
/// Opset 1 repeats along one axis: its inputs are a count and the axis. Gradient: dy with its
/// repetitions as dimensions of their own, summed over them.
/// <https://onnx.ai/onnx/operators/onnx__Tile.html>
package struct Tile: Operator {
  private let opset: Int

  package static let specification = Specification("Tile", inputs: 2...3)

  package static let examples = [
    Example(
      "both dimensions",
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([2, 2] as [Int64])],
      outputs: [
        Tensor([1.0, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4], shape: [4, 4])
      ], differentiable: [0]),
    Example(
      "one axis", opset: 1,
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([3] as [Int64]), Tensor([0] as [Int64]),
      ],
      outputs: [Tensor([1.0, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4], shape: [6, 2])],
      differentiable: [0]),
  ]

  package init() { self.opset = Specification.newestOpset }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.opset = attributes.opset
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    var dimensions: [Int] = []
    for (extent, count) in zip(x.shape, try repeats(inputs)) {
      let (product, overflow) = extent.multipliedReportingOverflow(by: count)
      guard count >= 0, !overflow else { throw OperatorError("\(x.shape) repeated \(count) times") }
      dimensions.append(product)
    }
    return [TensorType(x.elementType, try Shape(result: dimensions))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let tiling = Tiling(x.shape, try repeats(inputs.operands))
    let stretched = try workspace.stretch(x.reshaped(to: tiling.once), to: tiling.repeated)
    return [stretched.reshaped(to: try infer(inputs.operands)[0].shape)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    let tiling = Tiling(shape, try repeats(context.operands))
    let split = try context.reshape(try context.outputGradient(), to: tiling.repeated)
    let sum = try context.append(SumToShape(tiling.once), split)
    return [try context.reshape(sum, to: shape)] + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func repeats(_ inputs: [Operand?]) throws(OperatorError) -> [Int] {
    let shape = try inputs.required(0).shape
    let given = try inputs.required(1).integers("the repeats")
    guard opset < 6 else {
      guard given.count == shape.rank else {
        throw OperatorError("\(given.count) repeats for rank \(shape.rank)")
      }
      return given
    }
    let axes = try inputs.required(2).integers("the axis")
    guard axes.count == 1, given.count == 1 else {
      throw OperatorError("opset 1 repeats along one axis")
    }
    var repeats = Array(repeating: 1, count: shape.rank)
    repeats[try shape.dimension(of: axes[0])] = given[0]
    return repeats
  }
}

/// The shapes of a tensor with its repetitions as dimensions of their own: each 1, and as many as
/// there are.
private struct Tiling {
  let once: Shape
  let repeated: Shape

  init(_ shape: Shape, _ repeats: [Int]) {
    once = Shape(shape.flatMap { [1, $0] })
    repeated = Shape(zip(repeats, shape).flatMap { [$0, $1] })
  }
}
