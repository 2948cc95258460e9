package import Graphs
package import Kernels
package import Tensors

/// The sum of the parts of a tensor, which lie behind each other along the first dimension, each
/// times its weight. Summed in double precision.
///
/// Inputs: values, weights (a vector of as many elements as there are parts). Of several lines the parts
/// follow each other, and so do the sums.
package struct WeightedSum: Operator {
  /// How many lines there are, each with a sum.
  private let lines: Int

  package static let specification = Specification(internal: "WeightedSum", inputs: 2...2)

  package init(lines: Int = 1) { self.lines = lines }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    lines = try attributes.count(of: "lines")
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (values, weights) = (try inputs.required(0), try inputs.required(1))
    guard weights.shape.rank == 1, weights.elementType == values.elementType else {
      throw OperatorError("the weights are \(weights.type), the values \(values.type)")
    }
    return [TensorType(values.elementType, try shape(of: values.shape, weights.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (values, weights) = (try inputs.required(0), try inputs.required(1))
    return [
      try workspace.weightedSum(
        of: values, weights, lines: lines, shape: try shape(of: values.shape, weights.shape))
    ]
  }

  private func shape(of values: Shape, _ weights: Shape) throws(OperatorError) -> Shape {
    try weights.checkParts(lines)
    return try values.part(of: weights[0] / lines)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("a sum along a path has no gradient; differentiate before the path is set")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try Array(inputs.prefix(1)).commonDegree()
  }
}

extension Shape {
  /// The shape of each of so many equal parts along the first dimension.
  fileprivate func part(of count: Int) throws(OperatorError) -> Shape {
    if isEmpty && count == 1 { return self }
    guard let first, count > 0, first % count == 0 else {
      throw OperatorError("\(self) has no \(count) equal parts")
    }
    return Shape([first / count] + dropFirst())
  }
}

extension WeightedSum {
  package static let examples = [
    Example(
      "three parts",
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6], shape: [6, 2]),
        Tensor([1.0, 0.5, 2]),
      ],
      outputs: [Tensor([-2.5, -3, -7.5, -9.0], shape: [2, 2])]),
    Example(
      "two lines", attributes: ["lines": .int(2)],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6, -1, -2], shape: [4, 2]), Tensor([1.0, 0.5, 2, 3]),
      ],
      outputs: [Tensor([2.5, 4, 7, 6.0], shape: [2, 2])]),
    Example(
      "a scalar", inputs: [Tensor(scalar: 3.0), Tensor([0.5])], outputs: [Tensor(scalar: 1.5)]),
  ]
}
