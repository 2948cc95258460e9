package import Graphs
package import Kernels
package import Tensors

/// Transposed convolution: every element of x spread over a window of the output, times the weights
/// (C x M/group x kernel), plus a bias: the input gradient of a convolution from M to C channels.
///
/// Extents: stride * (input - 1) + output_padding + span of the kernel - pads; or `output_shape`,
/// from which the pads follow, the odd one at the beginning unless `auto_pad` is SAME_UPPER. With
/// `auto_pad` SAME the output is the input times the stride. Gradient: dx is that convolution of dy.
/// One meaning since opset 1. <https://onnx.ai/onnx/operators/onnx__ConvTranspose.html>
package struct ConvTranspose: Operator {
  private let window: WindowAttributes
  private let groups: Int
  private let outputPadding: [Int]?
  private let outputExtents: [Int]?

  package static let specification = Specification("ConvTranspose", inputs: 2...3)

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    window = try WindowAttributes(&attributes)
    groups = try attributes.int("group", default: 1)
    outputPadding = try attributes.ints("output_padding")
    outputExtents = try attributes.ints("output_shape")
  }

  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (x, weights) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    let adjoint = try adjoint(x.shape, weights.shape)
    try inputs.checkBias(2, count: adjoint.input[1])
    return [TensorType(x.elementType, adjoint.input)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (x, weights) = (try inputs.required(0), try inputs.required(1))
    let adjoint = try adjoint(x.shape, weights.shape)
    let spread = try workspace.convolutionInputGradient(
      x, weights: weights, shape: adjoint.input, adjoint.parameters)
    guard let bias = inputs.optional(2) else { return [spread] }
    let ones = [Double](repeating: 1, count: adjoint.input[1])
    let shift = bias.converted(to: .float64).elements(as: Double.self)
    return [try workspace.scaledChannels(spread, by: ones, shift: shift)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    try context.refuseGradient(of: 1, "the weights")
    try context.refuseGradient(of: 2, "the bias")
    let adjoint = try adjoint(context.inputType(0).shape, context.inputType(1).shape)
    let convolution = Conv(adjoint.parameters)
    let dx = try context.append(
      convolution, try context.outputGradient(), try context.input(1))
    return [dx, nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.affineDegree(bias: 2)
  }

  /// The convolution whose input gradient this is, and the shape of its input.
  private func adjoint(
    _ x: Shape, _ weights: Shape
  ) throws(OperatorError) -> (parameters: ConvolutionParameters, input: Shape) {
    try weights.checkAsKernel(for: x, groups: groups, window.kernel)
    guard x[1] > 0, weights[0] == x[1], x[1].isMultiple(of: groups), weights[1] > 0 else {
      throw OperatorError("weights \(weights) in \(groups) groups do not fit the input \(x)")
    }
    let bare = try SlidingWindow(
      kernel: Array(weights.dropFirst(2)), strides: window.strides, dilations: window.dilations,
      padsBegin: outputPadding)
    var (begins, ends, extents) = ([Int](), [Int](), [Int]())
    for axis in bare.kernel.indices {
      guard x[axis + 2] > 0, x[axis + 2] <= Int(Int32.max) else {
        throw OperatorError("\(x[axis + 2]) elements in spatial dimension \(axis)")
      }
      let spread = bare.strides[axis] * (x[axis + 2] - 1) + bare.span[axis]
      let (begin, extent) = try placement(
        axis, of: x, spread: spread + bare.padsBegin[axis], stride: bare.strides[axis])
      let end = spread - extent - begin
      guard extent > 0, -end < bare.strides[axis] else {
        throw OperatorError(
          "an output extent of \(extent) in spatial dimension \(axis) does not follow from "
            + "\(x[axis + 2]) windows; output_padding should be smaller than the stride")
      }
      begins.append(begin)
      ends.append(max(end, 0))
      extents.append(extent)
    }
    let (channels, overflow) = weights[1].multipliedReportingOverflow(by: groups)
    guard !overflow, let input = Shape(checking: [x[0], channels] + extents) else {
      throw OperatorError("the output would be too large")
    }
    let adjoint = try SlidingWindow(
      kernel: bare.kernel, strides: bare.strides, dilations: bare.dilations, padsBegin: begins,
      padsEnd: ends)
    return (ConvolutionParameters(window: adjoint, groups: groups), input)
  }

  /// The pad before the output and the extent of the output in one dimension, where everything that
  /// is spread takes `spread` places.
  private func placement(
    _ axis: Int, of x: Shape, spread: Int, stride: Int
  ) throws(OperatorError) -> (begin: Int, extent: Int) {
    let rank = x.rank - 2
    var oddAtEnd = false
    var wanted = try outputExtents.map { extents throws(OperatorError) -> Int in
      guard extents.count == rank || extents.count == rank + 2 else {
        throw OperatorError("output_shape \(extents) for \(rank) spatial dimensions")
      }
      return extents[extents.count - rank + axis]
    }
    switch window.padding {
    case .same(let isUpper):
      oddAtEnd = isUpper
      wanted = wanted ?? x[axis + 2] * stride
    case .explicit(let begin, let end):
      guard (begin ?? []).count == (end ?? []).count, [0, rank].contains((begin ?? []).count) else {
        throw OperatorError("pads should have two numbers per spatial dimension")
      }
      guard wanted == nil else { break }
      let pads = (begin: begin?[axis] ?? 0, end: end?[axis] ?? 0)
      guard pads.begin >= 0, pads.end >= 0, pads.begin <= spread, pads.end <= spread else {
        throw OperatorError("pads of \(pads.begin) and \(pads.end) around \(spread) places")
      }
      return (pads.begin, spread - pads.begin - pads.end)
    }
    guard let wanted, wanted > 0, wanted <= Int(Int32.max) else {
      throw OperatorError("output_shape should be positive and fit 32 bits")
    }
    let total = max(spread - wanted, 0)
    return (oddAtEnd ? total / 2 : total - total / 2, wanted)
  }
}

extension ConvTranspose {
  package static let examples = [
    Example(
      "every element spread, with a bias",
      inputs: [
        Tensor([-3.0, 0, 1, 0], shape: [1, 1, 2, 2]),
        Tensor([0.0, 3, -3, 2, -3, 0, 1, 3], shape: [1, 2, 2, 2]), Tensor([2.0, 2], shape: [2]),
      ],
      outputs: [
        Tensor(
          [2.0, -7, 2, 11, -1, 2, -1, 4, 2, 11, 2, 2, -4, -7, 2, 3, 5, 2], shape: [1, 2, 3, 3])
      ], differentiable: [0]),
    Example(
      "strides, pads and places that only output_padding adds",
      attributes: [
        "strides": .ints([2, 3]), "pads": .ints([1, 0, 1, 0]), "output_padding": .ints([1, 2]),
      ],
      inputs: [
        Tensor([-1.0, 2, 3, 0, 1, -2, 0, -1, 1, 3, -1, 2], shape: [1, 2, 2, 3]),
        Tensor([2.0, -1, 0, 2, -3, 2, -1, 3, -1, 2, 1, -2], shape: [2, 1, 3, 2]),
      ],
      outputs: [
        Tensor(
          [
            0.0, -2, 0, 1, 2, 0, -1, 8, 0, 0, 0, 7, 0, -4, 2, 0, -14, 12, 0, 0, -3, 6, 0, 1, 0, 0,
            -2, 0, 0, 0, 3, -6, 0, -4, 4, 0, 8, -8, 0, 0,
          ], shape: [1, 1, 4, 10])
      ], differentiable: [0]),
    Example(
      "groups and dilations",
      attributes: ["group": .int(2), "dilations": .ints([2]), "kernel_shape": .ints([2])],
      inputs: [
        Tensor([1.0, 1, 0, -2, -2, 1], shape: [1, 2, 3]),
        Tensor([0.0, -2, 1, 0, 3, -1, -2, 2], shape: [2, 2, 2]),
      ],
      outputs: [
        Tensor(
          [0.0, 0, -2, -2, 0, 1, 1, 0, 0, 0, -6, -6, 5, 2, -1, 4, 4, -6, -4, 2], shape: [1, 4, 5])
      ], differentiable: [0]),
    Example(
      "output_shape puts an odd pad at the beginning",
      attributes: ["strides": .ints([2]), "output_shape": .ints([5])],
      inputs: [
        Tensor([-1.0, 2], shape: [1, 1, 2]), Tensor([-1.0, -3, 1, -1], shape: [1, 1, 4]),
      ],
      outputs: [Tensor([3.0, -3, -5, 2, -2], shape: [1, 1, 5])], differentiable: [0]),
    Example(
      "SAME_UPPER puts an odd pad at the end",
      attributes: ["strides": .ints([2]), "auto_pad": .string("SAME_UPPER")],
      inputs: [Tensor([-2.0, 0], shape: [1, 1, 2]), Tensor([0.0, 1, -3], shape: [1, 1, 3])],
      outputs: [Tensor([0.0, -2, 6, 0], shape: [1, 1, 4])], differentiable: [0]),
    Example(
      "SAME_LOWER puts an odd pad at the beginning",
      attributes: ["strides": .ints([2]), "auto_pad": .string("SAME_LOWER")],
      inputs: [Tensor([-2.0, 0], shape: [1, 1, 2]), Tensor([0.0, 1, -3], shape: [1, 1, 3])],
      outputs: [Tensor([-2.0, 6, 0, 0], shape: [1, 1, 4])], differentiable: [0]),
    Example(
      "three spatial dimensions",
      inputs: [
        Tensor([1.0, -1, -1, -1], shape: [1, 1, 2, 1, 2]),
        Tensor([-3.0, -3, -2, -2], shape: [1, 1, 1, 2, 2]),
      ],
      outputs: [Tensor([-3.0, 0, 3, -2, 0, 2, 3, 6, 3, 2, 4, 2], shape: [1, 1, 2, 2, 3])],
      differentiable: [0]),
  ]
}
