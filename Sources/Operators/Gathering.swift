package import Graphs
package import Kernels
package import Tensors

/// The slices of the first input at the positions in the second, along `axis`.
///
/// Positions count from the end where they are negative. Gradient: the slices of dy added up at their
/// positions. <https://onnx.ai/onnx/operators/onnx__Gather.html>
package struct Gather: Spelled {
  package let axis: Int

  package static let specification = Specification("Gather", inputs: 2...2)

  package static let examples = [
    Example(
      "rows, one of them twice",
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([2, 0, -1] as [Int64]),
      ],
      outputs: [Tensor([5.0, 6, 1, 2, 5, 6], shape: [3, 2])], differentiable: [0]),
    Example(
      "a column, dropping the dimension", attributes: ["axis": .int(1)],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor(scalar: 1 as Int32)],
      outputs: [Tensor([2.0, 4, 6])], differentiable: [0]),
    Example(
      "a matrix of positions", attributes: ["axis": .int(-1)],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]),
        Tensor([0, 1, 1, 2] as [Int64], shape: [2, 2]),
      ],
      outputs: [Tensor([1.0, 2, 2, 3, 4, 5, 5, 6], shape: [2, 2, 2])], differentiable: [0]),
  ]

  package init(axis: Int) { self.axis = axis }

  package var spelling: [String: AttributeValue]? { ["axis": .int(axis)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: 0)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, positions) = (try inputs.required(0), try inputs.required(1))
    let axis = try x.shape.dimension(of: axis)
    try positions.requireIndices()
    let shape = try Shape(
      result: x.shape.prefix(axis) + positions.shape.dimensions + x.shape.dropFirst(axis + 1))
    return [TensorType(x.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [
      try workspace.gather(
        x, try inputs.required(1), axis: try x.shape.dimension(of: axis))
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [
      try context.append(
        GatherGradient(axis: try shape.dimension(of: axis), shape: shape),
        try context.outputGradient(), try context.input(1)), nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The gradient of `Gather`: slices added up at their positions among zeros.
package struct GatherGradient: Lowerable {
  private let axis: Int
  private let shape: Shape

  package static let specification = Specification(internal: "GatherGradient", inputs: 2...2)

  package static let examples = [
    Example(
      "one position twice", attributes: ["axis": .int(0), "shape": .ints([3, 2])],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([2, 0, -1] as [Int64]),
      ],
      outputs: [Tensor([3.0, 4, 0, 0, 6, 8], shape: [3, 2])], differentiable: [0])
  ]

  package init(axis: Int, shape: Shape) {
    self.axis = axis
    self.shape = shape
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.shape = try Shape(result: try attributes.ints("shape") ?? [])
    self.axis = try shape.dimension(of: try attributes.int("axis", default: 0))
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    try inputs.required(1).requireIndices()
    return [TensorType(try inputs.required(0).elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.scatterSlices(
        try inputs.required(0), try inputs.required(1), axis: axis, in: shape)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [
      try context.append(
        Gather(axis: axis), try context.outputGradient(), try context.input(1)), nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  /// The gathered dimension goes to the front, where `ScatterND` adds whole slices.
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, positions) = (try context.input(0), try context.input(1))
    let (type, count) = (try context.type(of: dy), try context.shape(of: positions).rank)
    let moved = Array(axis..<(axis + count))
    let order = moved + type.shape.indices.filter { !moved.contains($0) }
    let updates = axis == 0 ? dy : try context.append(Transpose(permutation: order), dy)
    let front = [axis] + shape.indices.filter { $0 != axis }
    let zeros = try context.zeros(TensorType(type.elementType, Shape(front.map { shape[$0] })))
    let index = try context.append(Cast(to: .int64), positions)
    let coordinates = try context.append(Unsqueeze(axes: [count]), index)
    let sum = try context.append(ScatterND(.add), zeros, coordinates, updates)
    guard axis > 0 else { return [sum] }
    let back = shape.indices.map { front.firstIndex(of: $0) ?? $0 }
    return [try context.append(Transpose(permutation: back), sum)]
  }
}

/// The elements of the first input whose coordinate along `axis` is what the second holds at their
/// place.
///
/// Gradient: the elements of dy added up at their places.
/// <https://onnx.ai/onnx/operators/onnx__GatherElements.html>
package struct GatherElements: Spelled {
  private let axis: Int

  package static let specification = Specification(
    "GatherElements", opsets: 11...Specification.newestOpset, inputs: 2...2)

  package static let examples = [
    Example(
      "along the columns", attributes: ["axis": .int(1)],
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([0, 0, -1, 0] as [Int64], shape: [2, 2]),
      ],
      outputs: [Tensor([1.0, 1, 4, 3], shape: [2, 2])], differentiable: [0]),
    Example(
      "fewer than there are",
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6, 7, 8, 9], shape: [3, 3]),
        Tensor([1, 2, 0, 2, 0, 0] as [Int32], shape: [2, 3]),
      ],
      outputs: [Tensor([4.0, 8, 3, 7, 2, 3], shape: [2, 3])], differentiable: [0]),
  ]

  package init(axis: Int) { self.axis = axis }

  package var spelling: [String: AttributeValue]? { ["axis": .int(axis)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.axis = try attributes.int("axis", default: 0)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, positions) = (try inputs.required(0), try inputs.required(1))
    let axis = try x.shape.dimension(of: axis)
    try positions.requireIndices(within: x.shape, exceptAlong: axis)
    return [TensorType(x.elementType, positions.shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [
      try workspace.gatherElements(
        x, try inputs.required(1), axis: try x.shape.dimension(of: axis))
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let zeros = context.zeros(try context.inputType(0))
    return [
      try context.append(
        ScatterElements(axis: axis, .add), zeros, try context.input(1),
        try context.outputGradient()), nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The slices of the first input at the coordinates in the last dimension of the second.
///
/// The first `batch_dims` dimensions (opset 12) are shared by both. Gradient: the slices of dy added
/// up at their coordinates. <https://onnx.ai/onnx/operators/onnx__GatherND.html>
package struct GatherND: Spelled {
  private let batchDimensions: Int

  package static let specification = Specification(
    "GatherND", opsets: 11...Specification.newestOpset, inputs: 2...2)

  package static let examples = [
    Example(
      "elements",
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([0, 0, 1, -1] as [Int64], shape: [2, 2]),
      ],
      outputs: [Tensor([1.0, 4])], differentiable: [0]),
    Example(
      "rows, one of them twice",
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([1, 0, 1] as [Int64], shape: [3, 1]),
      ],
      outputs: [Tensor([3.0, 4, 1, 2, 3, 4], shape: [3, 2])], differentiable: [0]),
    Example(
      "a row per sample", attributes: ["batch_dims": .int(1)],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2]),
        Tensor([1, 0] as [Int64], shape: [2, 1]),
      ],
      outputs: [Tensor([3.0, 4, 5, 6], shape: [2, 2])], differentiable: [0]),
  ]

  package init(batchDimensions: Int = 0) { self.batchDimensions = batchDimensions }

  package var spelling: [String: AttributeValue]? { ["batch_dims": .int(batchDimensions)] }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.batchDimensions = try attributes.int("batch_dims", default: 0)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, coordinates) = (try inputs.required(0), try inputs.required(1))
    return [TensorType(x.elementType, try resultShape(x.shape, coordinates))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (x, coordinates) = (try inputs.required(0), try inputs.required(1))
    return [
      try workspace.gatherND(
        x, coordinates, batchDimensions: batchDimensions,
        shape: try resultShape(x.shape, Operand(TensorType(of: coordinates))))
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [
      try context.append(
        GatherNDGradient(batchDimensions: batchDimensions, shape: shape),
        try context.outputGradient(), try context.input(1)), nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func resultShape(_ x: Shape, _ coordinates: Operand) throws(OperatorError) -> Shape {
    let length = try coordinates.coordinateCount(in: x, batchDimensions: batchDimensions)
    return try Shape(
      result: coordinates.shape.dropLast() + x.dropFirst(batchDimensions + length))
  }
}

/// The gradient of `GatherND`: slices added up at their coordinates among zeros.
package struct GatherNDGradient: Lowerable {
  private let batchDimensions: Int
  private let shape: Shape

  package static let specification = Specification(internal: "GatherNDGradient", inputs: 2...2)

  package static let examples = [
    Example(
      "one row twice", attributes: ["shape": .ints([2, 2])],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([1, 0, 1] as [Int64], shape: [3, 1]),
      ],
      outputs: [Tensor([3.0, 4, 6, 8], shape: [2, 2])], differentiable: [0])
  ]

  package init(batchDimensions: Int, shape: Shape) {
    self.batchDimensions = batchDimensions
    self.shape = shape
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.batchDimensions = try attributes.int("batch_dims", default: 0)
    self.shape = try Shape(result: try attributes.ints("shape") ?? [])
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, coordinates) = (try inputs.required(0), try inputs.required(1))
    let length = try coordinates.coordinateCount(in: shape, batchDimensions: batchDimensions)
    guard
      dy.shape.elementsEqual(
        coordinates.shape.dropLast() + shape.dropFirst(batchDimensions + length))
    else { throw OperatorError("\(dy.shape) is not gathered from \(shape)") }
    return [TensorType(dy.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let dy = try inputs.required(0)
    return [
      try workspace.scatterND(
        workspace.zeros(dy.elementType, shape), try inputs.required(1), dy, .add,
        batchDimensions: batchDimensions)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [
      try context.append(
        GatherND(batchDimensions: batchDimensions), try context.outputGradient(),
        try context.input(1)), nil,
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    guard batchDimensions == 0 else {
      throw OperatorError("the gradient of GatherND with batch_dims has no rule for files")
    }
    let (dy, coordinates) = (try context.input(0), try context.input(1))
    let zeros = try context.zeros(TensorType(try context.type(of: dy).elementType, shape))
    let index = try context.append(Cast(to: .int64), coordinates)
    return [try context.append(ScatterND(.add), zeros, index, dy)]
  }
}

extension Operand {
  /// Refuses an operand that does not hold indices.
  func requireIndices() throws(OperatorError) {
    guard elementType == .int64 || elementType == .int32 else {
      throw OperatorError("indices must be int32 or int64, not \(elementType)")
    }
  }

  /// Refuses indices that are longer than `shape` in a dimension other than `axis`.
  func requireIndices(within shape: Shape, exceptAlong axis: Int) throws(OperatorError) {
    try requireIndices()
    guard self.shape.rank == shape.rank,
      shape.indices.allSatisfy({ $0 == axis || self.shape[$0] <= shape[$0] })
    else { throw OperatorError("indices of \(self.shape) do not fit \(shape) along axis \(axis)") }
  }

  /// How many coordinates each vector in the last dimension holds.
  ///
  /// - Throws: if they do not address slices of a tensor of `shape` whose first dimensions, as many
  ///   as `batchDimensions`, are shared.
  func coordinateCount(in shape: Shape, batchDimensions: Int = 0) throws(OperatorError) -> Int {
    try requireIndices()
    guard let length = self.shape.last, batchDimensions >= 0, batchDimensions < self.shape.rank,
      batchDimensions <= shape.rank, (0...(shape.rank - batchDimensions)).contains(length),
      self.shape.prefix(batchDimensions).elementsEqual(shape.prefix(batchDimensions))
    else {
      throw OperatorError(
        "\(self.shape) coordinates with \(batchDimensions) batch dimensions do not fit \(shape)")
    }
    return length
  }
}
