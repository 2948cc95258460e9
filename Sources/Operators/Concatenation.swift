package import Graphs
package import Kernels
package import Tensors

/// The inputs one after the other along `axis`.
///
/// Opset 1 joins along axis 1 by default; since opset 4 the axis must be given. Gradient: the parts
/// of dy, one `Split`. <https://onnx.ai/onnx/operators/onnx__Concat.html>
package struct Concat: Spelled {
  private let axis: Int

  package static let specification = Specification("Concat", inputs: Specification.many)

  package static let examples = [
    Example(
      "channels", attributes: ["axis": .int(1)],
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 1, 2]),
        Tensor([5.0, 6, 7, 8, 9, 10, 11, 12], shape: [2, 2, 2]),
      ],
      outputs: [Tensor([1.0, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12], shape: [2, 3, 2])],
      differentiable: [0, 1]),
    Example(
      "an empty one, from the end", attributes: ["axis": .int(-1)],
      inputs: [Tensor([1.0, 2]), Tensor([Double]()), Tensor([3.0])],
      outputs: [Tensor([1.0, 2, 3])], differentiable: [0, 2]),
    Example(
      "axis 1 by default", opset: 1,
      inputs: [Tensor([1.0, 2], shape: [2, 1]), Tensor([3.0, 4], shape: [2, 1])],
      outputs: [Tensor([1.0, 3, 2, 4], shape: [2, 2])], differentiable: [0, 1]),
  ]

  package init(axis: Int) { self.axis = axis }

  package var spelling: [String: AttributeValue]? { ["axis": .int(axis)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    guard let axis = try attributes.int("axis") ?? (attributes.opset < 4 ? 1 : nil) else {
      throw OperatorError("attribute axis is missing")
    }
    self.axis = axis
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let first = try inputs.required(0)
    let axis = try first.shape.dimension(of: axis)
    var extent = 0
    for index in inputs.indices {
      let operand = try inputs.required(index)
      guard operand.elementType == first.elementType else {
        throw OperatorError("\(first.type) and \(operand.type) differ in element type")
      }
      guard operand.shape.rank == first.shape.rank,
        first.shape.indices.allSatisfy({ $0 == axis || operand.shape[$0] == first.shape[$0] })
      else {
        throw OperatorError("\(first.shape) and \(operand.shape) differ off axis \(axis)")
      }
      let (sum, overflow) = extent.addingReportingOverflow(operand.shape[axis])
      guard !overflow else { throw OperatorError("the extents along axis \(axis) overflow") }
      extent = sum
    }
    return [TensorType(first.elementType, try first.shape.replacing(axis, by: extent))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let axis = try inputs.required(0).shape.dimension(of: axis)
    return [workspace.concatenate(inputs.compactMap(\.self), axis: axis)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    var sizes: [Int] = []
    for index in context.node.inputs.indices {
      let shape = try context.inputType(index).shape
      sizes.append(shape[try shape.dimension(of: axis)])
    }
    return try context.builder.append(
      Split(axis: axis, parts: sizes.count),
      [try context.outputGradient(), context.integers(sizes)],
      name: "\(context.node.name)/gradient", outputNames: []
    ).map(Optional.some)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.commonDegree()
  }
}

/// The input cut along `axis`.
///
/// The sizes of the parts are an attribute before opset 13, an input since; without them the parts
/// are equal, and since opset 18 (`num_outputs`) the last one may be smaller. Gradient: the
/// gradients of the parts joined by `Concat`, zeros for parts without one.
/// <https://onnx.ai/onnx/operators/onnx__Split.html>
package struct Split: Lowerable {
  private let axis: Int
  private let sizes: [Int]?
  private let parts: Int
  /// Whether the last of equal parts may be smaller.
  private let allowsRemainder: Bool

  package static let specification = Specification(
    "Split", inputs: 1...2, outputs: Specification.many)

  package static let examples = [
    Example(
      "sizes as an input", attributes: ["axis": .int(-1)],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]), Tensor([1, 2] as [Int64])],
      outputs: [Tensor([1.0, 4], shape: [2, 1]), Tensor([2.0, 3, 5, 6], shape: [2, 2])],
      differentiable: [0]),
    Example(
      "sizes as an attribute", attributes: ["split": .ints([2, 1])], opset: 11,
      inputs: [Tensor([1.0, 2, 3])], outputs: [Tensor([1.0, 2]), Tensor([3.0])],
      differentiable: [0]),
    Example(
      "equal parts", opset: 13, inputs: [Tensor([1.0, 2, 3, 4])],
      outputs: [Tensor([1.0, 2]), Tensor([3.0, 4])], differentiable: [0]),
    Example(
      "a smaller last part", attributes: ["num_outputs": .int(2)], inputs: [Tensor([1.0, 2, 3])],
      outputs: [Tensor([1.0, 2]), Tensor([3.0])], differentiable: [0]),
  ]

  package init(axis: Int, parts: Int) {
    self.axis = axis
    self.sizes = nil
    self.parts = parts
    self.allowsRemainder = false
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: 0)
    self.sizes = attributes.opset < 13 ? try attributes.ints("split") : nil
    self.parts = attributes.outputCount
    self.allowsRemainder = attributes.opset >= 18
    guard parts > 0 else { throw OperatorError("the node has no outputs") }
    guard allowsRemainder, let count = try attributes.int("num_outputs") else { return }
    guard count == parts else {
      throw OperatorError("num_outputs is \(count), but the node has \(parts) outputs")
    }
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let axis = try x.shape.dimension(of: axis)
    var types: [TensorType] = []
    for size in try partSizes(x.shape[axis], try inputs.optional(1)?.integers("the sizes")) {
      types.append(TensorType(x.elementType, try x.shape.replacing(axis, by: size)))
    }
    return types
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let axis = try x.shape.dimension(of: axis)
    let sizes = try partSizes(x.shape[axis], try inputs.optional(1)?.integers("the sizes"))
    return workspace.split(x, axis: axis, sizes: sizes)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    var gradients: [Value?] = []
    for (index, gradient) in context.outputGradients.enumerated() {
      if let gradient {
        gradients.append(gradient)
      } else {
        gradients.append(context.zeros(try context.type(of: context.output(index))))
      }
    }
    let joined = try context.builder.append(
      Concat(axis: axis), gradients, name: "\(context.node.name)/gradient", outputNames: [])
    return [joined[0], nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  /// The sizes of the parts, which all opsets since 13 take as an input, are always said.
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let shape = try context.shape(of: x)
    let given = try context.operand(1)?.integers("the sizes")
    let sizes = try partSizes(shape[try shape.dimension(of: axis)], given)
    return try context.write(
      Split.self, [x, context.integers(sizes)], ["axis": .int(axis)], outputs: sizes.count)
  }

  private func partSizes(_ extent: Int, _ input: [Int]?) throws(OperatorError) -> [Int] {
    if let sizes = input ?? sizes {
      guard sizes.count == parts else {
        throw OperatorError("\(sizes.count) sizes are given for \(parts) outputs")
      }
      var rest = extent
      for size in sizes {
        guard (0...rest).contains(size) else {
          throw OperatorError("sizes \(sizes) do not add up to the extent \(extent)")
        }
        rest -= size
      }
      guard rest == 0 else {
        throw OperatorError("sizes \(sizes) do not add up to the extent \(extent)")
      }
      return sizes
    }
    guard allowsRemainder || extent % parts == 0 else {
      throw OperatorError("extent \(extent) cannot be cut into \(parts) equal parts")
    }
    let size = extent / parts + (extent % parts > 0 ? 1 : 0)
    return (0..<parts).map { max(0, min(size, extent - $0 * size)) }
  }
}
