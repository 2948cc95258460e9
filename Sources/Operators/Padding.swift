package import Graphs
package import Kernels
package import Tensors

/// What a frame around a tensor is filled with.
package enum PaddingMode: String, Sendable {
  case constant, reflect, edge, wrap
}

/// The input in a frame: of a constant, of its mirror image, of its edge, or of its other side.
///
/// `pads` holds the elements before each axis and then those after; negative ones cut off. Opset 1
/// has them as the attribute `paddings`, 2 as `pads`, 11 made pads and constant inputs, 18 added
/// axes, 19 `wrap`. Gradient: of a constant frame, dy with the frame cut off; else each element of dy
/// added to the one that it was copied from. <https://onnx.ai/onnx/operators/onnx__Pad.html>
package struct Pad: Lowerable {
  private let mode: PaddingMode
  private let pads: [Int]?
  private let value: Double

  package static let specification = Specification("Pad", inputs: 1...4)

  package static let examples = [
    Example(
      "zeros",
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([0, 1, 1, 0] as [Int64])],
      outputs: [Tensor([0.0, 1, 2, 0, 3, 4, 0, 0, 0], shape: [3, 3])], differentiable: [0]),
    Example(
      "fives along one axis, cutting off the end",
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([1, -1] as [Int64]), Tensor(scalar: 5.0),
        Tensor([-1] as [Int64]),
      ],
      outputs: [Tensor([5.0, 1, 5, 3], shape: [2, 2])], differentiable: [0]),
    Example(
      "reflected", attributes: ["mode": .string("reflect")],
      inputs: [Tensor([1.0, 2, 3], shape: [1, 3]), Tensor([0, 2, 0, 1] as [Int64])],
      outputs: [Tensor([3.0, 2, 1, 2, 3, 2], shape: [1, 6])], differentiable: [0]),
    Example(
      "edges", attributes: ["mode": .string("edge")],
      inputs: [Tensor([1.0, 2], shape: [1, 2]), Tensor([1, 0, 0, 2] as [Int64])],
      outputs: [Tensor([1.0, 2, 2, 2, 1, 2, 2, 2], shape: [2, 4])], differentiable: [0]),
    Example(
      "wrapped", attributes: ["mode": .string("wrap")],
      inputs: [Tensor([1.0, 2, 3]), Tensor([2, 1] as [Int64])],
      outputs: [Tensor([2.0, 3, 1, 2, 3, 1])], differentiable: [0]),
    Example(
      "attributes", attributes: ["pads": .ints([0, 1]), "value": .float(2.5)], opset: 2,
      inputs: [Tensor([1.0])], outputs: [Tensor([1.0, 2.5])], differentiable: [0]),
    Example(
      "attributes of opset 1", attributes: ["paddings": .ints([1, 0])], opset: 1,
      inputs: [Tensor([1.0])], outputs: [Tensor([0.0, 1])], differentiable: [0]),
  ]

  /// A frame whose pads and constant are inputs.
  package init(_ mode: PaddingMode = .constant) {
    self.mode = mode
    self.pads = nil
    self.value = 0
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let name = try attributes.string("mode") ?? "constant"
    guard let mode = PaddingMode(rawValue: name), mode != .wrap || attributes.opset >= 19 else {
      throw OperatorError("mode '\(name)' is not known in opset \(attributes.opset)")
    }
    self.mode = mode
    guard attributes.opset < 11 else {
      self.pads = nil
      self.value = 0
      return
    }
    self.pads = try attributes.ints(attributes.opset < 2 ? "paddings" : "pads") ?? []
    self.value = try attributes.float("value", default: 0)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    if let value = inputs.optional(2) {
      guard value.elementType == x.elementType, value.shape.elementCount == 1 else {
        throw OperatorError("the constant is \(value.type), not one \(x.elementType)")
      }
    }
    let frame = try frame(inputs)
    if mode != .constant { try frame.requireElementsToCopy() }
    return [TensorType(x.elementType, frame.outer)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let frame = try frame(inputs.operands)
    guard mode == .constant else {
      return [try workspace.resample(x, by: frame.maps(mode))]
    }
    let value = inputs.optional(2) ?? Tensor(scalar: value).converted(to: x.elementType)
    return [workspace.pad(x, begins: frame.begins, ends: frame.ends, with: value)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 2, "the constant")
    let frame = try frame(context.operands)
    let gradient = try context.outputGradient()
    guard mode == .constant else {
      return [try context.append(PadGradient(mode, frame), gradient)] + context.noOtherGradients
    }
    let cut = (frame.begins + frame.ends).map { -$0 }
    return [try context.append(Pad(), gradient, context.integers(cut))] + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    let degree = try inputs.firstDegree()
    let isZero =
      if let operand = inputs.count > 2 ? inputs[2] : nil {
        operand.degree == .zero || operand.constant.map(\.isZero) ?? false
      } else {
        value == 0
      }
    guard mode != .constant || isZero || degree.isConstant else {
      throw Inhomogeneity("pads with a constant other than 0")
    }
    return degree == .zero && mode == .constant && !isZero ? .exactly(0) : degree
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let frame = try frame(context.inputs.indices.map { context.operand($0) })
    var operands: [Value?] = [x, context.integers(frame.begins + frame.ends)]
    if let given = context.optionalInput(2) {
      operands.append(given)
    } else if value != 0 {
      operands.append(try context.scalar(value, like: x))
    }
    return try context.write(Pad.self, operands, ["mode": .string(mode.rawValue)])
  }

  private func frame(_ inputs: [Operand?]) throws(OperatorError) -> Frame {
    let shape = try inputs.required(0).shape
    let pads = if let pads { pads } else { try inputs.required(1).integers("the pads") }
    let axes = try shape.dimensions(of: try inputs.optional(3)?.integers("the axes"))
    guard pads.count == 2 * axes.count else {
      throw OperatorError("\(pads.count) pads for \(axes.count) axes")
    }
    var begins = Array(repeating: 0, count: shape.rank)
    var ends = begins
    for (index, axis) in axes.enumerated() {
      begins[axis] = pads[index]
      ends[axis] = pads[index + axes.count]
    }
    return try Frame(shape, begins: begins, ends: ends)
  }
}

/// The gradient of `Pad` in the modes that copy elements: each added to the one it was copied from.
package struct PadGradient: Lowerable {
  private let mode: PaddingMode
  private let frame: Frame

  package static let specification = Specification(internal: "PadGradient", inputs: 1...1)

  package static let examples = [
    Example(
      "reflected",
      attributes: [
        "mode": .string("reflect"), "pads": .ints([0, 2, 0, 1]), "shape": .ints([1, 3]),
      ],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6], shape: [1, 6])],
      outputs: [Tensor([3.0, 12, 6], shape: [1, 3])], differentiable: [0])
  ]

  fileprivate init(_ mode: PaddingMode, _ frame: Frame) {
    self.mode = mode
    self.frame = frame
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let shape = try Shape(result: try attributes.ints("shape") ?? [])
    let pads = try attributes.ints("pads") ?? []
    guard let mode = PaddingMode(rawValue: try attributes.string("mode") ?? ""),
      mode != .constant, pads.count == 2 * shape.rank
    else { throw OperatorError("mode or pads are not those of a copying frame") }
    self.mode = mode
    self.frame = try Frame(
      shape, begins: Array(pads.prefix(shape.rank)), ends: Array(pads.dropFirst(shape.rank)))
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let dy = try inputs.required(0)
    guard dy.shape == frame.outer else {
      throw OperatorError("\(dy.shape) is not \(frame.inner) in a frame")
    }
    try frame.requireElementsToCopy()
    return [TensorType(dy.elementType, frame.inner)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let maps = frame.maps(mode).map { $0?.transposed }
    return [try workspace.resample(try inputs.required(0), by: maps)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [
      try context.append(
        Pad(mode), try context.outputGradient(), context.integers(frame.begins + frame.ends))
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    [try context.map(try context.input(0), by: frame.maps(mode).map { $0?.transposed })]
  }
}

/// A shape and the elements put before and after each of its dimensions.
private struct Frame {
  let inner: Shape
  let begins: [Int]
  let ends: [Int]
  let outer: Shape

  init(_ inner: Shape, begins: [Int], ends: [Int]) throws(OperatorError) {
    var dimensions: [Int] = []
    for axis in inner.indices {
      let (begun, overflow) = inner[axis].addingReportingOverflow(begins[axis])
      let (extent, overflows) = begun.addingReportingOverflow(ends[axis])
      guard !overflow, !overflows, begins[axis] > Int.min, ends[axis] > Int.min else {
        throw OperatorError("pads of \(begins[axis]) and \(ends[axis]) are too large")
      }
      dimensions.append(extent)
    }
    self.inner = inner
    self.begins = begins
    self.ends = ends
    self.outer = try Shape(result: dimensions)
  }

  /// Refuses to pad an empty dimension by copies of its elements.
  func requireElementsToCopy() throws(OperatorError) {
    for axis in inner.indices where inner[axis] == 0 && outer[axis] > 0 {
      throw OperatorError("extent \(axis) of \(inner) is empty: there is nothing to pad it with")
    }
  }

  /// For each padded dimension, which elements of the input its elements are copies of.
  func maps(_ mode: PaddingMode) -> [AxisMap?] {
    inner.indices.map { axis in
      guard begins[axis] != 0 || ends[axis] != 0 else { return nil }
      let sources = (0..<outer[axis]).map {
        Self.source($0 - begins[axis], in: inner[axis], mode)
      }
      return AxisMap(selecting: sources, of: inner[axis])
    }
  }

  private static func source(_ position: Int, in extent: Int, _ mode: PaddingMode) -> Int {
    switch mode {
    case .constant, .edge: return min(max(position, 0), extent - 1)
    case .wrap: return modulo(position, extent)
    case .reflect:
      let folded = modulo(position, max(1, 2 * (extent - 1)))
      return folded < extent ? folded : 2 * (extent - 1) - folded
    }
  }

  private static func modulo(_ a: Int, _ b: Int) -> Int {
    let remainder = a % b
    return remainder < 0 ? remainder + b : remainder
  }
}

extension Tensor {
  /// Whether every element is 0.
  var isZero: Bool {
    converted(to: .float64).elements(as: Double.self).allSatisfy { $0 == 0 }
  }
}
