package import Graphs
package import Kernels
package import Tensors

/// The elements from `starts` to `ends` (not included) in `steps` along `axes`.
///
/// Positions count from the end where they are negative and are clamped to the extent; a negative
/// step runs backward. Attributes before opset 10, which had no steps; inputs since. Gradient: dy
/// among zeros. <https://onnx.ai/onnx/operators/onnx__Slice.html>
package struct Slice: Lowerable {
  private let starts: [Int]?
  private let ends: [Int]?
  private let axes: [Int]?

  package static let specification = Specification("Slice", inputs: 1...5)

  package static let examples = [
    Example(
      "one axis from the end",
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]), Tensor([-2] as [Int64]),
        Tensor([Int64.max]), Tensor([-1] as [Int64]),
      ],
      outputs: [Tensor([2.0, 3, 5, 6], shape: [2, 2])], differentiable: [0]),
    Example(
      "steps of two, and backward",
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4]), Tensor([1, 0] as [Int64]),
        Tensor([Int64.min, 4]), Tensor([0, 1] as [Int64]), Tensor([-1, 2] as [Int64]),
      ],
      outputs: [Tensor([5.0, 7, 1, 3], shape: [2, 2])], differentiable: [0]),
    Example(
      "attributes", attributes: ["starts": .ints([1, 0]), "ends": .ints([9, 1])], opset: 9,
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2])], outputs: [Tensor([3.0], shape: [1, 1])],
      differentiable: [0]),
    Example(
      "nothing",
      inputs: [Tensor([1.0, 2]), Tensor([2] as [Int32]), Tensor([1] as [Int32])],
      outputs: [Tensor([Double]())]),
  ]

  /// A slice whose positions are inputs.
  package init() {
    self.starts = nil
    self.ends = nil
    self.axes = nil
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    guard attributes.opset < 10 else {
      self = Slice()
      return
    }
    self.starts = try attributes.ints("starts") ?? []
    self.ends = try attributes.ints("ends") ?? []
    self.axes = try attributes.ints("axes")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    return [TensorType(x.elementType, try stepping(inputs).shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.slice(try inputs.required(0), try stepping(inputs.operands))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let whole = try context.inputType(0).shape
    let gradient = try context.outputGradient()
    let stepping = try stepping(context.operands)
    guard stepping.steps.allSatisfy({ $0 == 1 }) else {
      return [try context.append(SliceGradient(stepping, in: whole), gradient)]
        + context.noOtherGradients
    }
    let after = whole.indices.map { whole[$0] - stepping.starts[$0] - stepping.shape[$0] }
    return [
      try context.append(Pad(), gradient, context.integers(stepping.starts + after))
    ] + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    guard let starts, let ends else { return try context.write(Slice.self, context.inputs, [:]) }
    let operands = [
      try context.input(0), context.integers(starts), context.integers(ends),
      context.integers(axes ?? Array(starts.indices)),
    ]
    return try context.write(Slice.self, operands, [:])
  }

  /// What is selected, in all dimensions of the first input.
  private func stepping(_ inputs: [Operand?]) throws(OperatorError) -> Stepping {
    let whole = try inputs.required(0).shape
    let starts = if let starts { starts } else { try inputs.required(1).integers("the starts") }
    let ends = if let ends { ends } else { try inputs.required(2).integers("the ends") }
    let axes = try whole.dimensions(
      of: try inputs.optional(3)?.integers("the axes") ?? axes ?? Array(starts.indices))
    let steps =
      try inputs.optional(4)?.integers("the steps") ?? Array(repeating: 1, count: axes.count)
    guard starts.count == axes.count, ends.count == axes.count, steps.count == axes.count else {
      throw OperatorError(
        "\(starts.count) starts, \(ends.count) ends and \(steps.count) steps for \(axes.count) axes"
      )
    }
    var first = Array(repeating: 0, count: whole.rank)
    var step = Array(repeating: 1, count: whole.rank)
    var dimensions = whole.dimensions
    for (index, axis) in axes.enumerated() {
      guard steps[index] != 0 else { throw OperatorError("a step is 0") }
      (first[axis], dimensions[axis]) = Self.run(
        from: starts[index], to: ends[index], step: steps[index], extent: whole[axis])
      step[axis] = dimensions[axis] > 1 ? steps[index] : 1
    }
    return Stepping(starts: first, steps: step, shape: try Shape(result: dimensions))
  }

  /// The first position of a run along one dimension and how many there are.
  private static func run(
    from start: Int, to end: Int, step: Int, extent: Int
  ) -> (first: Int, count: Int) {
    let bounds = step > 0 ? 0...extent : -1...(extent - 1)
    let clamp = { (position: Int) in
      let counted = position < 0 ? position + extent : position
      return min(max(counted, bounds.lowerBound), bounds.upperBound)
    }
    let first = step < 0 ? max(clamp(start), extent > 0 ? 0 : -1) : clamp(start)
    let distance = step > 0 ? clamp(end) - first : first - clamp(end)
    guard distance > 0 else { return (0, 0) }
    return (first, Int((UInt(distance) - 1) / step.magnitude) + 1)
  }
}

/// The gradient of `Slice`: a slice put back among zeros.
package struct SliceGradient: Lowerable {
  private let stepping: Stepping
  private let whole: Shape

  package static let specification = Specification(internal: "SliceGradient", inputs: 1...1)

  package static let examples = [
    Example(
      "backward in steps of two",
      attributes: [
        "starts": .ints([0, 3]), "steps": .ints([1, -2]), "slice": .ints([2, 2]),
        "shape": .ints([2, 4]),
      ],
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2])],
      outputs: [Tensor([0.0, 2, 0, 1, 0, 4, 0, 3], shape: [2, 4])], differentiable: [0])
  ]

  package init(_ stepping: Stepping, in whole: Shape) {
    self.stepping = stepping
    self.whole = whole
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.stepping = Stepping(
      starts: try attributes.ints("starts") ?? [], steps: try attributes.ints("steps") ?? [],
      shape: try Shape(result: try attributes.ints("slice") ?? []))
    self.whole = try Shape(result: try attributes.ints("shape") ?? [])
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let slice = try inputs.required(0)
    guard slice.shape == stepping.shape, stepping.fits(whole) else {
      throw OperatorError("\(slice.shape) is not the slice of \(whole)")
    }
    return [TensorType(slice.elementType, whole)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.unslice(try inputs.required(0), stepping, in: whole)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let ends = whole.indices.map { axis in
      let end = stepping.starts[axis] + stepping.steps[axis] * stepping.shape[axis]
      return end < 0 ? Int.min : end
    }
    return [
      try context.append(
        Slice(), try context.outputGradient(), context.integers(stepping.starts),
        context.integers(ends), context.integers(Array(whole.indices)),
        context.integers(stepping.steps))
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  /// Each dimension that is cut is put back by a product with the matrix that cuts it, transposed.
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let maps = whole.indices.map { axis -> AxisMap? in
      let (start, step) = (stepping.starts[axis], stepping.steps[axis])
      let places = (0..<stepping.shape[axis]).map { start + $0 * step }
      guard places != Array(0..<whole[axis]) else { return nil }
      return AxisMap(selecting: places, of: whole[axis]).transposed
    }
    return [try context.map(try context.input(0), by: maps)]
  }
}
