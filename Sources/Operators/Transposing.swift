package import Graphs
package import Kernels
package import Tensors

/// The input with its dimensions reordered; reversed if `perm` is left out.
///
/// Gradient: dx = dy transposed by the inverse permutation.
/// <https://onnx.ai/onnx/operators/onnx__Transpose.html>
package struct Transpose: Spelled {
  package let permutation: [Int]?

  package static let specification = Specification("Transpose", inputs: 1...1)

  package static let examples = [
    Example(
      "a matrix", inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])],
      outputs: [Tensor([1.0, 4, 2, 5, 3, 6], shape: [3, 2])], differentiable: [0]),
    Example(
      "a cycle of three", attributes: ["perm": .ints([1, 2, 0])],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], shape: [2, 3, 2])],
      outputs: [Tensor([1.0, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12], shape: [3, 2, 2])],
      differentiable: [0]),
    Example(
      "a channel shuffle", attributes: ["perm": .ints([0, 2, 1, 3])],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 2, 2, 2])],
      outputs: [Tensor([1.0, 2, 5, 6, 3, 4, 7, 8], shape: [1, 2, 2, 2])], differentiable: [0]),
  ]

  package init(permutation: [Int]? = nil) { self.permutation = permutation }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.permutation = try attributes.ints("perm")
  }

  package var spelling: [String: AttributeValue]? {
    permutation.map { ["perm": .ints($0)] } ?? [:]
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let order = order(of: x.shape.rank)
    guard order.sorted() == Array(x.shape.indices) else {
      throw OperatorError("\(order) is not a permutation of the \(x.shape.rank) dimensions")
    }
    return [TensorType(x.elementType, Shape(order.map { x.shape[$0] }))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [workspace.transpose(x, by: order(of: x.shape.rank))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let order = order(of: try context.inputType(0).shape.rank)
    let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    return [
      try context.append(Transpose(permutation: inverse), try context.outputGradient())
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func order(of rank: Int) -> [Int] { permutation ?? (0..<rank).reversed() }
}

/// Blocks of channels laid out as squares of pixels: [N, C b^2, H, W] to [N, C, H b, W b].
///
/// Mode `DCR` (the only one before opset 11) has the block outside the channels, `CRD` inside.
/// Gradient: the way back. <https://onnx.ai/onnx/operators/onnx__DepthToSpace.html>
package struct DepthToSpace: Operator {
  private let block: Int
  private let channelsFirst: Bool

  package static let specification = Specification("DepthToSpace", inputs: 1...1)

  package static let examples = [
    Example(
      "blocks outside", attributes: ["blocksize": .int(2)],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 8, 1, 1])],
      outputs: [Tensor([1.0, 3, 5, 7, 2, 4, 6, 8], shape: [1, 2, 2, 2])], differentiable: [0]),
    Example(
      "blocks inside", attributes: ["blocksize": .int(2), "mode": .string("CRD")],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 4, 1, 2])],
      outputs: [Tensor([1.0, 3, 2, 4, 5, 7, 6, 8], shape: [1, 1, 2, 4])], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.block = try attributes.blockSize()
    let mode = attributes.opset < 11 ? "DCR" : try attributes.string("mode") ?? "DCR"
    guard mode == "DCR" || mode == "CRD" else {
      throw OperatorError("attribute mode: '\(mode)' is not supported")
    }
    self.channelsFirst = mode == "CRD"
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    return [TensorType(x.elementType, try shuffle(x.shape).result)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [try shuffle(x.shape).apply(to: x, in: workspace)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [try shuffle(shape).appendGradient(to: &context, shape)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func shuffle(_ shape: Shape) throws(OperatorError) -> BlockShuffle {
    guard shape.rank == 4, shape[1] % block == 0, shape[1] / block % block == 0 else {
      throw OperatorError("the channels of \(shape) are not blocks of \(block)x\(block)")
    }
    let (samples, channels, rows, columns) = (
      shape[0], shape[1] / block / block, shape[2], shape[3]
    )
    return BlockShuffle(
      split: channelsFirst
        ? [samples, channels, block, block, rows, columns]
        : [samples, block, block, channels, rows, columns],
      order: channelsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2],
      result: try Shape(
        result: [samples, channels, try scaled(rows), try scaled(columns)]))
  }

  private func scaled(_ extent: Int) throws(OperatorError) -> Int {
    let (product, overflow) = extent.multipliedReportingOverflow(by: block)
    guard !overflow else { throw OperatorError("an extent of \(extent) times \(block)") }
    return product
  }
}

/// Squares of pixels laid out as channels: [N, C, H b, W b] to [N, b^2 C, H, W].
///
/// Gradient: the way back. <https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html>
package struct SpaceToDepth: Operator {
  private let block: Int

  package static let specification = Specification("SpaceToDepth", inputs: 1...1)

  package static let examples = [
    Example(
      "two channels", attributes: ["blocksize": .int(2)],
      inputs: [Tensor([1.0, 3, 5, 7, 2, 4, 6, 8], shape: [1, 2, 2, 2])],
      outputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 8, 1, 1])], differentiable: [0])
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.block = try attributes.blockSize()
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    return [TensorType(x.elementType, try shuffle(x.shape).result)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    return [try shuffle(x.shape).apply(to: x, in: workspace)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let shape = try context.inputType(0).shape
    return [try shuffle(shape).appendGradient(to: &context, shape)]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func shuffle(_ shape: Shape) throws(OperatorError) -> BlockShuffle {
    guard shape.rank == 4, shape[2] % block == 0, shape[3] % block == 0 else {
      throw OperatorError("\(shape) cannot be cut into blocks of \(block)x\(block)")
    }
    let (rows, columns) = (shape[2] / block, shape[3] / block)
    let (area, overflow) = block.multipliedReportingOverflow(by: block)
    let (channels, overflows) = area.multipliedReportingOverflow(by: shape[1])
    guard !overflow, !overflows else { throw OperatorError("blocks of \(block)x\(block)") }
    return BlockShuffle(
      split: [shape[0], shape[1], rows, block, columns, block], order: [0, 3, 5, 1, 2, 4],
      result: try Shape(result: [shape[0], channels, rows, columns]))
  }
}

/// A transposition of the parts that dimensions are split into.
private struct BlockShuffle {
  let split: [Int]
  let order: [Int]
  let result: Shape

  func apply(to x: Tensor, in workspace: Workspace) throws(OperatorError) -> Tensor {
    workspace.transpose(x.reshaped(to: try Shape(result: split)), by: order)
      .reshaped(to: result)
  }

  func appendGradient(
    to context: inout GradientContext, _ shape: Shape
  ) throws(OperatorError) -> Value {
    let parts = try Shape(result: order.map { split[$0] })
    let inverse = order.indices.map { axis in order.firstIndex(of: axis) ?? axis }
    let apart = try context.reshape(try context.outputGradient(), to: parts)
    let back = try context.append(Transpose(permutation: inverse), apart)
    return try context.reshape(back, to: shape)
  }
}

extension Attributes {
  fileprivate mutating func blockSize() throws(OperatorError) -> Int {
    guard let block = try int("blocksize"), block > 0 else {
      throw OperatorError("attribute blocksize must be a positive integer")
    }
    return block
  }
}
