package import Graphs
package import Kernels
package import Tensors

/// What each point of a path turns into: of so many equal parts along the first dimension each becomes the
/// next one, the last one stays.
package struct NextPoint: Operator {
  let count: Int

  package static let specification = Specification(internal: "NextPoint", inputs: 1...1)
  package static let examples = [
    Example(
      "three points of two numbers", attributes: ["count": .int(3)],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])],
      outputs: [Tensor([3.0, 4, 5, 6, 5, 6], shape: [3, 2])])
  ]

  /// - Parameter count: points.
  package init(count: Int) { self.count = count }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    count = try attributes.count(of: "count")
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    try x.shape.checkParts(count)
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [workspace.nextParts(of: try inputs.required(0), parts: count)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("points on a path have no gradient; differentiate before the path is set")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The gradient of `Relu`, its mean while each point of a path moves on a straight line to the next one:
/// the sum of the gradients that arrive times the share of the way on which x is positive.
///
/// Inputs: x at the points, behind each other along the first dimension; then the gradients.
package struct MeanReluGradient: Operator {
  let count: Int

  package static let specification = Specification(
    internal: "MeanReluGradient", inputs: 2...Specification.many.upperBound)
  package static let examples = [
    Example(
      "both signs of the ends; the last point stays", attributes: ["count": .int(2)],
      inputs: [
        Tensor([-1.0, 1, 1, -2, 0, 3, 2, -1, -2, 2], shape: [2, 5]),
        Tensor([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10], shape: [2, 5]),
      ],
      outputs: [Tensor([0.75, 2, 1.5, 0, 5, 6, 7, 0, 0, 10], shape: [2, 5])]),
    Example(
      "two gradients", attributes: ["count": .int(2)],
      inputs: [
        Tensor([-1.0, 3], shape: [2, 1]), Tensor([1.0, 2], shape: [2, 1]),
        Tensor([10.0, 20], shape: [2, 1]),
      ],
      outputs: [Tensor([8.25, 22], shape: [2, 1])]),
  ]

  /// - Parameter count: points.
  package init(count: Int) { self.count = count }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    count = try attributes.count(of: "count")
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try inputs.checkFloatingPoint()
    let x = try inputs.required(0)
    try x.shape.checkParts(count)
    guard inputs.dropFirst().allSatisfy({ $0?.type == x.type }) else {
      throw OperatorError("the gradients differ from the points in shape or type")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.meanRectifiedSum(
        of: inputs.dropFirst().compactMap(\.self), try inputs.required(0), parts: count)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("second derivatives of means along a path are not defined")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try Array(inputs.dropFirst()).commonDegree()
  }
}

/// The gradient of `MaxPool`, its mean while each point of a path moves on a straight line to the next one.
///
/// Of each element of dy a place of the window gets the part of the way on which it has the maximum.
/// Inputs: dy, x at the points, behind each other along the first dimension.
package struct MeanMaxPoolGradient: Operator {
  let parameters: PoolingParameters
  let count: Int

  package static let specification = Specification(internal: "MeanMaxPoolGradient", inputs: 2...2)
  package static let examples = [
    Example(
      "a quarter of the way, no way, the last point",
      attributes: ["count": .int(2), "kernel_shape": .ints([2]), "strides": .ints([2])],
      inputs: [
        Tensor([4.0, 5, 6, 7], shape: [2, 1, 2]),
        Tensor([2.0, 1, 0, 3, 1, 4, 0, 5], shape: [2, 1, 4]),
      ],
      outputs: [Tensor([1.0, 3, 0, 5, 0, 6, 0, 7], shape: [2, 1, 4])]),
    Example(
      "a place between leads for a quarter of the way; of two that start alike the steeper one leads",
      attributes: ["count": .int(2), "kernel_shape": .ints([3]), "strides": .ints([3])],
      inputs: [
        Tensor([8.0, 8, 1, 1], shape: [2, 1, 2]),
        Tensor([4.0, 3, 0, 2, 2, -5, 0, 3, 6, 0, 4, -5], shape: [2, 1, 6]),
      ],
      outputs: [Tensor([2.0, 2, 4, 0, 8, 0, 0, 0, 1, 0, 1, 0], shape: [2, 1, 6])]),
    Example(
      "windows that overlap, and reach beyond the input at both sides",
      attributes: [
        "count": .int(2), "kernel_shape": .ints([2, 2]), "strides": .ints([1, 2]),
        "pads": .ints([0, 1, 0, 0]), "ceil_mode": .int(1),
      ],
      inputs: [
        Tensor([1.0, 2, 5, 3, 4, 6], shape: [2, 1, 1, 3]),
        Tensor(
          [-4.0, -2, -1, -9, -3, -3, -2, -8, -4, -5, -1, -9, -7, -7, -3, -8], shape: [2, 1, 2, 4]),
      ],
      outputs: [
        Tensor([0.75, 0, 2, 0, 0.25, 0, 0, 5, 3, 0, 4, 0, 0, 0, 0, 6], shape: [2, 1, 2, 4])
      ]),
  ]

  /// - Parameter count: points.
  package init(_ parameters: PoolingParameters, count: Int) {
    self.parameters = parameters
    self.count = count
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    count = try attributes.count(of: "count")
    parameters = try PoolingAttributes(&attributes, averages: false).explicitParameters()
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    try x.shape.checkParts(count)
    guard dy.shape == (try parameters.output(of: x.shape)) else {
      throw OperatorError("the gradient is \(dy.shape) for an input of \(x.shape)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.meanMaximumPoolingGradient(
        try inputs.required(0), try inputs.required(1), parts: count, parameters)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("second derivatives of MaxPool are not defined")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.optionalDegree(0)
  }
}

extension Attributes {
  /// A number of parts.
  mutating func count(of name: String) throws(OperatorError) -> Int {
    let count = try int(name, default: 1)
    guard count > 0 else { throw OperatorError("\(name) should be positive") }
    return count
  }
}

extension Shape {
  /// Refuses a shape that has no so many equal parts along the first dimension; one part everything is.
  func checkParts(_ count: Int) throws(OperatorError) {
    guard count != 1 else { return }
    guard count > 0, let first, first % count == 0 else {
      throw OperatorError("\(self) has no \(count) equal parts")
    }
  }
}
