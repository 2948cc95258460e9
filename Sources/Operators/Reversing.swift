package import Graphs
package import Kernels
package import Tensors

/// The first steps of each sequence of a batch in reverse order, as many as the second input says.
///
/// Gradient: the same reversal of dy. <https://onnx.ai/onnx/operators/onnx__ReverseSequence.html>
package struct ReverseSequence: Spelled {
  private let timeAxis: Int

  package static let specification = Specification(
    "ReverseSequence", opsets: 10...Specification.newestOpset, inputs: 2...2)

  package static let examples = [
    Example(
      "time first",
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([2, 3] as [Int64])],
      outputs: [Tensor([3.0, 6, 1, 4, 5, 2], shape: [3, 2])], differentiable: [0]),
    Example(
      "batch first", attributes: ["batch_axis": .int(0), "time_axis": .int(1)],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]), Tensor([1, 2] as [Int64])],
      outputs: [Tensor([1.0, 2, 3, 5, 4, 6], shape: [2, 3])], differentiable: [0]),
  ]

  private init(timeAxis: Int) { self.timeAxis = timeAxis }

  package var spelling: [String: AttributeValue]? {
    ["time_axis": .int(timeAxis), "batch_axis": .int(1 - timeAxis)]
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.timeAxis = try attributes.int("time_axis", default: 0)
    let batchAxis = try attributes.int("batch_axis", default: 1)
    guard [timeAxis, batchAxis].sorted() == [0, 1] else {
      throw OperatorError("time_axis \(timeAxis) and batch_axis \(batchAxis) are not 0 and 1")
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, lengths) = (try inputs.required(0), try inputs.required(1))
    guard x.shape.rank >= 2, lengths.elementType == .int64,
      lengths.shape.dimensions == [x.shape[1 - timeAxis]]
    else { throw OperatorError("\(lengths.type) lengths do not fit \(x.shape)") }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let lengths = try inputs.required(1).integers("the lengths")
    for length in lengths where !(0...x.shape[timeAxis]).contains(length) {
      throw OperatorError("a length of \(length) in \(x.shape)")
    }
    return [workspace.reverseSequences(x, lengths: lengths, timeAxis: timeAxis)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [
      try context.append(
        ReverseSequence(timeAxis: timeAxis), try context.outputGradient(), try context.input(1)),
      nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}
