package import Graphs
package import Kernels
package import Tensors

/// float32 numbers rounded to bfloat16, or the way back, in any layout: unlike `Cast`, which is a
/// file's, it stands where a graph changes the numbers that it computes with.
package struct ChangePrecision: Operator {
  private let type: ElementType

  package static let specification = Specification(internal: "ChangePrecision", inputs: 1...1)
  package static let examples = [
    Example(
      "numbers that bfloat16 has", attributes: ["narrows": .int(0)],
      inputs: [Tensor([1.5, -2, 0].map { BFloat16(rounding: $0) })],
      outputs: [Tensor([1.5 as Float, -2, 0])])
  ]

  /// - Parameter type: bfloat16 or float32.
  package init(to type: ElementType) { self.type = type }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    type = try attributes.flag("narrows", default: true) ? .bfloat16 : .float32
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [TensorType(type, try inputs.required(0).shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.changingPrecision(of: try inputs.required(0), to: type)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("a graph is differentiated before its precision changes")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}
