package import Graphs
package import Kernels
package import Tensors

/// The upper or the lower triangle of each matrix, zeros elsewhere; `k` shifts the diagonal up.
///
/// Gradient: the same triangle of dy. <https://onnx.ai/onnx/operators/onnx__Trilu.html>
package struct Trilu: Spelled {
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

  package var spelling: [String: AttributeValue]? { ["upper": .int(upper ? 1 : 0)] }

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
