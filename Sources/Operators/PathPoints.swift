package import Graphs
package import Kernels
package import Tensors

/// Points on straight lines: start + position * difference for each position, one behind the other
/// along the first dimension; where it rectifies, negative numbers replaced by 0.
///
/// Inputs: start, difference (of one shape), positions (a vector). Of several lines start and difference
/// hold as many parts, and the positions those of the first line before those of the second. The
/// methods that integrate along a path build it; `WeightedSum` is its counterpart.
package struct PathPoints: Operator {
  /// How many lines there are.
  package let lines: Int
  private let rectifies: Bool

  package static let specification = Specification(internal: "PathPoints", inputs: 3...3)

  package init(lines: Int = 1, rectifies: Bool = false) {
    self.lines = lines
    self.rectifies = rectifies
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    lines = try attributes.count(of: "lines")
    rectifies = try attributes.flag("rectifies", default: false)
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (start, positions) = (try inputs.required(0), try inputs.required(2))
    guard try inputs.required(1).type == start.type, positions.shape.rank == 1,
      positions.elementType == start.elementType
    else { throw OperatorError("start, difference and positions differ in type") }
    return [TensorType(start.elementType, try shape(from: start.shape, positions.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (start, positions) = (try inputs.required(0), try inputs.required(2))
    return [
      try workspace.pathPoints(
        from: start, difference: try inputs.required(1), at: positions, lines: lines,
        rectified: rectifies, shape: try shape(from: start.shape, positions.shape))
    ]
  }

  private func shape(from start: Shape, _ positions: Shape) throws(OperatorError) -> Shape {
    try start.checkParts(lines)
    try positions.checkParts(lines)
    return try start.stacked(positions[0] / lines)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("points on a path have no gradient; differentiate before the path is set")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try Array(inputs.prefix(2)).commonDegree()
  }
}

extension Shape {
  /// The shape of so many tensors of this shape behind each other along the first dimension; a scalar
  /// cannot be repeated.
  fileprivate func stacked(_ count: Int) throws(OperatorError) -> Shape {
    if isEmpty && count == 1 { return self }
    guard let first, let shape = Shape(checking: [first * count] + dropFirst()) else {
      throw OperatorError("\(count) tensors of \(self) cannot be stacked")
    }
    return shape
  }
}

extension PathPoints {
  package static let examples = [
    Example(
      "three points",
      inputs: [
        Tensor([1.0, -2, 0, 4], shape: [1, 2, 2]), Tensor([2.0, 4, -8, 0], shape: [1, 2, 2]),
        Tensor([0.0, 0.5, 1]),
      ],
      outputs: [
        Tensor([1.0, -2, 0, 4, 2, 0, -4, 4, 3, 2, -8, 4], shape: [3, 2, 2])
      ]),
    Example(
      "rectified", attributes: ["rectifies": .int(1)],
      inputs: [
        Tensor([1.0, -2, 0, 4], shape: [2, 2]), Tensor([2.0, 4, -8, 0], shape: [2, 2]),
        Tensor([0.25, 1]),
      ],
      outputs: [Tensor([1.5, 0, 0, 4, 3, 2, 0, 4], shape: [4, 2])]),
    Example(
      "two lines", attributes: ["lines": .int(2)],
      inputs: [
        Tensor([1.0, -2, 0, 4], shape: [2, 2]), Tensor([2.0, 4, -8, 0], shape: [2, 2]),
        Tensor([0.25, 1, 0.5, 0]),
      ],
      outputs: [Tensor([1.5, -1, 3, 2, -4, 4, 0, 4], shape: [4, 2])]),
    Example(
      "one point of a scalar", inputs: [Tensor(scalar: 1.0), Tensor(scalar: 4.0), Tensor([0.5])],
      outputs: [Tensor(scalar: 3.0)]),
  ]
}
