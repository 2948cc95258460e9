package import Graphs
package import Kernels
package import Tensors

/// The first input with the elements of the third put where the second says, along `axis`.
///
/// `reduction` combines them with what is there: `add` and `mul` since opset 16, `max` and `min`
/// since 18. Where two updates meet without a reduction, the last one stands. Gradient: of the first
/// input, dy, with zeros where it was replaced; of the updates, dy gathered.
/// <https://onnx.ai/onnx/operators/onnx__ScatterElements.html>
package struct ScatterElements: Spelled {
  private let axis: Int
  private let reduction: ScatterReduction

  package static let specification = Specification(
    "ScatterElements", opsets: 11...Specification.newestOpset, inputs: 3...3)

  package static let examples = [
    Example(
      "along the columns", attributes: ["axis": .int(1)],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5], shape: [1, 5]), Tensor([1, -2] as [Int64], shape: [1, 2]),
        Tensor([11.0, 21], shape: [1, 2]),
      ],
      outputs: [Tensor([1.0, 11, 3, 21, 5], shape: [1, 5])], differentiable: [0, 2]),
    Example(
      "added, two in one place", attributes: ["reduction": .string("add")],
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([1, 0, 1, 1] as [Int64], shape: [2, 2]),
        Tensor([10.0, 20, 30, 40], shape: [2, 2]),
      ],
      outputs: [Tensor([1.0, 22, 43, 44], shape: [2, 2])], differentiable: [0, 2]),
    Example(
      "the larger", attributes: ["reduction": .string("max")],
      inputs: [Tensor([1.0, 2]), Tensor([0, 1] as [Int64]), Tensor([3.0, 0])],
      outputs: [Tensor([3.0, 2])]),
    Example(
      "integers multiplied", attributes: ["reduction": .string("mul")],
      inputs: [
        Tensor([2, 3] as [Int32]), Tensor([1, 1] as [Int64]), Tensor([5, 7] as [Int32]),
      ],
      outputs: [Tensor([2, 105] as [Int32])]),
  ]

  package init(axis: Int, _ reduction: ScatterReduction) {
    self.axis = axis
    self.reduction = reduction
  }

  package var spelling: [String: AttributeValue]? {
    ["axis": .int(axis), "reduction": .string(reduction.rawValue)]
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: 0)
    self.reduction = try attributes.scatterReduction()
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, positions, updates) = (
      try inputs.required(0), try inputs.required(1), try inputs.required(2)
    )
    let axis = try x.shape.dimension(of: axis)
    try positions.requireIndices(within: x.shape, exceptAlong: axis)
    guard updates.type == TensorType(x.elementType, positions.shape) else {
      throw OperatorError("\(updates.type) updates for \(positions.shape) places in \(x.type)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [
      try workspace.scatterElements(
        x, try inputs.required(1), try inputs.required(2),
        axis: try x.shape.dimension(of: axis), reduction)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (gradient, positions) = (try context.outputGradient(), try context.input(1))
    var inputGradient = gradient
    switch reduction {
    case .none:
      let zeros = context.zeros(try context.inputType(2))
      inputGradient = try context.append(
        ScatterElements(axis: axis, .none), gradient, positions, zeros)
    case .add: break
    case .mul, .max, .min:
      throw OperatorError("the gradient of reduction \(reduction.rawValue) is not defined")
    }
    let gathered =
      context.wants(2)
      ? try context.append(GatherElements(axis: axis), gradient, positions) : nil
    return [inputGradient, nil, gathered]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.scatterDegree(reduction)
  }
}

/// `ScatterElements` by its name in opsets 9 and 10, without reductions.
/// <https://onnx.ai/onnx/operators/onnx__Scatter.html>
package struct Scatter: Operator {
  private let elements: ScatterElements

  package static let specification = Specification("Scatter", opsets: 9...10, inputs: 3...3)

  package static let examples = [
    Example(
      "along the columns", attributes: ["axis": .int(1)],
      inputs: [
        Tensor([1.0, 2, 3], shape: [1, 3]), Tensor([1] as [Int64], shape: [1, 1]),
        Tensor([11.0], shape: [1, 1]),
      ],
      outputs: [Tensor([1.0, 11, 3], shape: [1, 3])], differentiable: [0, 2])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.elements = ScatterElements(axis: try attributes.int("axis", default: 0), .none)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try elements.infer(inputs)
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    try elements.forward(inputs, in: workspace)
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try elements.gradient(&context)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try elements.homogeneity(inputs)
  }
}

/// The first input with slices of the third put at the coordinates in the last dimension of the
/// second.
///
/// Reductions and gradients are those of `ScatterElements`.
/// <https://onnx.ai/onnx/operators/onnx__ScatterND.html>
package struct ScatterND: Spelled {
  private let reduction: ScatterReduction

  package static let specification = Specification(
    "ScatterND", opsets: 11...Specification.newestOpset, inputs: 3...3)

  package static let examples = [
    Example(
      "elements",
      inputs: [
        Tensor([1.0, 2, 3, 4]), Tensor([3, 0] as [Int64], shape: [2, 1]), Tensor([9.0, 10]),
      ],
      outputs: [Tensor([10.0, 2, 3, 9])], differentiable: [0, 2]),
    Example(
      "rows added to one", attributes: ["reduction": .string("add")],
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([1, 1] as [Int64], shape: [2, 1]),
        Tensor([10.0, 20, 30, 40], shape: [2, 2]),
      ],
      outputs: [Tensor([1.0, 2, 43, 64], shape: [2, 2])], differentiable: [0, 2]),
  ]

  package init(_ reduction: ScatterReduction) { self.reduction = reduction }

  package var spelling: [String: AttributeValue]? { ["reduction": .string(reduction.rawValue)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.reduction = try attributes.scatterReduction()
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, coordinates, updates) = (
      try inputs.required(0), try inputs.required(1), try inputs.required(2)
    )
    let length = try coordinates.coordinateCount(in: x.shape)
    let expected = try Shape(result: coordinates.shape.dropLast() + x.shape.dropFirst(length))
    guard updates.type == TensorType(x.elementType, expected) else {
      throw OperatorError(
        "\(updates.type) updates for \(coordinates.shape) coordinates in \(x.type)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.scatterND(
        try inputs.required(0), try inputs.required(1), try inputs.required(2), reduction)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (gradient, coordinates) = (try context.outputGradient(), try context.input(1))
    var inputGradient = gradient
    switch reduction {
    case .none:
      let zeros = context.zeros(try context.inputType(2))
      inputGradient = try context.append(ScatterND(.none), gradient, coordinates, zeros)
    case .add: break
    case .mul, .max, .min:
      throw OperatorError("the gradient of reduction \(reduction.rawValue) is not defined")
    }
    let gathered = context.wants(2) ? try context.append(GatherND(), gradient, coordinates) : nil
    return [inputGradient, nil, gathered]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.scatterDegree(reduction)
  }
}

extension Attributes {
  fileprivate mutating func scatterReduction() throws(OperatorError) -> ScatterReduction {
    guard opset >= 16, let name = try string("reduction") else { return .none }
    guard let reduction = ScatterReduction(rawValue: name),
      opset >= 18 || (reduction != .max && reduction != .min)
    else { throw OperatorError("reduction '\(name)' is not known in opset \(opset)") }
    return reduction
  }
}

extension [HomogeneityOperand?] {
  /// The degree of a tensor with updates scattered to it: the one that both have.
  fileprivate func scatterDegree(
    _ reduction: ScatterReduction
  ) throws(Inhomogeneity) -> Degree {
    guard count == 3, self[1]?.degree.isConstant ?? false else {
      throw Inhomogeneity("the places depend on the model's input")
    }
    if reduction == .mul { return try constantDegree(or: "multiplies some elements only") }
    return try [self[0], self[2]].commonDegree()
  }
}
