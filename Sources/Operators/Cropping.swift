package import Graphs
package import Kernels
package import Tensors

/// The middle of the input where it is longer than `shape`, the input among zeros where it is
/// shorter.
///
/// Where the difference is odd, the odd element is cut or put at the end. Gradient: dy cropped or
/// padded the other way. <https://onnx.ai/onnx/operators/onnx__CenterCropPad.html>
package struct CenterCropPad: Operator {
  private let axes: [Int]?

  package static let specification = Specification(
    "CenterCropPad", opsets: 18...Specification.newestOpset, inputs: 2...2)

  package static let examples = [
    Example(
      "shorter and longer",
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 8]), Tensor([2, 3] as [Int64])],
      outputs: [Tensor([3.0, 4, 5, 0, 0, 0], shape: [2, 3])], differentiable: [0]),
    Example(
      "one axis", attributes: ["axes": .ints([-1])],
      inputs: [Tensor([1.0, 2], shape: [1, 2]), Tensor([5] as [Int64])],
      outputs: [Tensor([0.0, 1, 2, 0, 0], shape: [1, 5])], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axes = try attributes.ints("axes")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let pads = try pads(inputs)
    return [
      TensorType(
        x.elementType,
        try Shape(
          result: x.shape.indices.map { x.shape[$0] + pads.begins[$0] + pads.ends[$0] }))
    ]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let pads = try pads(inputs.operands)
    let zero = Tensor(scalar: 0 as Float).converted(to: x.elementType)
    return [workspace.pad(x, begins: pads.begins, ends: pads.ends, with: zero)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let pads = try pads(context.operands)
    let opposite = context.integers((pads.begins + pads.ends).map { -$0 })
    return [try context.append(Pad(), try context.outputGradient(), opposite), nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func pads(_ inputs: [Operand?]) throws(OperatorError) -> (begins: [Int], ends: [Int]) {
    let shape = try inputs.required(0).shape
    let axes = try shape.dimensions(of: axes)
    let wanted = try inputs.required(1).integers("the shape")
    guard wanted.count == axes.count, wanted.allSatisfy({ $0 >= 0 }) else {
      throw OperatorError("shape \(wanted) does not fit \(axes.count) axes")
    }
    var begins = Array(repeating: 0, count: shape.rank)
    var ends = begins
    for (extent, axis) in zip(wanted, axes) {
      let difference = extent - shape[axis]
      begins[axis] = difference / 2
      ends[axis] = difference - begins[axis]
    }
    return (begins, ends)
  }
}
