import CDNNL
package import Tensors

/// What a convolution is besides its operands.
package struct ConvolutionParameters: Hashable, Sendable {
  package let window: SlidingWindow
  /// Channels are cut into this many groups that do not see each other.
  package let groups: Int

  package init(window: SlidingWindow, groups: Int = 1) {
    self.window = window
    self.groups = groups
  }
}

extension Workspace {
  /// The convolution of `x` (N x C x spatial) with `weights` (M x C/groups x kernel), plus `bias`
  /// (M) and `addend` (of the output's shape), negative results replaced by 0 if `rectified`.
  ///
  /// float32 and bfloat16 leave the layout that oneDNN computes in; float64 is summed as defined.
  /// With bfloat16 `x` and `addend`, weights and bias are float32.
  package func convolution(
    _ x: Tensor, weights: Tensor, bias: Tensor? = nil, addend: Tensor? = nil,
    rectified: Bool = false, _ parameters: ConvolutionParameters
  ) throws(KernelError) -> Tensor {
    let extents = try parameters.window.outputExtents(of: Array(x.shape.dropFirst(2)))
    let shape = Shape([x.shape[0], weights.shape[0]] + extents)
    guard shape.elementCount > 0 else { return tensor(x.elementType, shape) }
    if x.elementType == .float64 {
      return directConvolution(
        rowMajor(x), rowMajor(weights), bias, addend.map(rowMajor), rectified, parameters, shape)
    }
    let samples = parameters.samplesPerRun(input: x.shape, output: shape, x.elementType)
    let primitive = try primitives.primitive(
      ConvolutionPrimitive(
        input: [samples] + x.shape.dropFirst(), output: [samples] + shape.dropFirst(),
        parameters: parameters, isNarrow: x.elementType == .bfloat16, hasBias: bias != nil,
        hasAddend: addend != nil,
        isRectified: rectified))
    let result = tensor(x.elementType, shape, layout: primitive.layout(2))
    let source = try reordered(x, to: primitive.layout(0))
    let blob = try primitives.rearranged(rowMajor(weights), for: primitive, at: 1)
    let summand = try addend.map { addend throws(KernelError) in
      try reordered(addend, to: result.layout)
    }
    let addsInPlace = primitive.bufferCount < (bias == nil ? 4 : 5)
    if let summand, addsInPlace { summand.copyElements(to: result) }
    for first in stride(from: 0, to: shape[0], by: samples) {
      let rows = first..<(first + samples)
      var buffers = [source.rows(rows).address, blob.base, result.rows(rows).address]
      if let bias { buffers.append(bias.address) }
      if let summand, !addsInPlace { buffers.append(summand.rows(rows).address) }
      try primitives.execute(primitive, buffers)
    }
    withExtendedLifetime((source, blob, summand)) {}
    return result
  }

  /// The gradient of a convolution with respect to its input, of shape `shape`, given the gradient
  /// `dy` of its output: also the transposed convolution.
  package func convolutionInputGradient(
    _ dy: Tensor, weights: Tensor, shape: Shape, _ parameters: ConvolutionParameters
  ) throws(KernelError) -> Tensor {
    guard shape.elementCount > 0 else { return tensor(dy.elementType, shape) }
    if dy.elementType == .float64 {
      return directInputGradient(rowMajor(dy), rowMajor(weights), shape, parameters)
    }
    let samples = parameters.samplesPerRun(input: shape, output: dy.shape, dy.elementType)
    let primitive = try primitives.primitive(
      ConvolutionGradientPrimitive(
        input: [samples] + shape.dropFirst(), output: [samples] + dy.shape.dropFirst(),
        parameters: parameters, isNarrow: dy.elementType == .bfloat16))
    let result = tensor(dy.elementType, shape, layout: primitive.layout(0))
    let source = try reordered(dy, to: primitive.layout(2))
    let blob = try primitives.rearranged(rowMajor(weights), for: primitive, at: 1)
    for first in stride(from: 0, to: shape[0], by: samples) {
      let rows = first..<(first + samples)
      try primitives.execute(
        primitive, [result.rows(rows).address, blob.base, source.rows(rows).address])
    }
    withExtendedLifetime((source, blob)) {}
    return result
  }
}

extension ConvolutionParameters {
  /// Samples of a batch that are best computed at a time.
  fileprivate func samplesPerRun(
    input: Shape, output: Shape, _ elementType: ElementType
  ) -> Int {
    withConvolution(input.dimensions, output.dimensions, self, elementType == .bfloat16) {
      cdnnl_convolution_samples(&$0)
    }
  }
}

private struct ConvolutionPrimitive: PrimitiveDescription {
  let input: [Int]
  let output: [Int]
  let parameters: ConvolutionParameters
  let isNarrow: Bool
  let hasBias: Bool
  let hasAddend: Bool
  let isRectified: Bool

  var title: String { "convolution" }

  func compile(on engine: OpaquePointer, into primitive: inout OpaquePointer?) -> Int32 {
    withConvolution(input, output, parameters, isNarrow) { convolution in
      convolution.has_bias = hasBias
      convolution.has_addend = hasAddend
      convolution.has_relu = isRectified
      return cdnnl_convolution_create(engine, &convolution, &primitive)
    }
  }
}

private struct ConvolutionGradientPrimitive: PrimitiveDescription {
  let input: [Int]
  let output: [Int]
  let parameters: ConvolutionParameters
  let isNarrow: Bool

  var title: String { "input gradient of a convolution" }

  func compile(on engine: OpaquePointer, into primitive: inout OpaquePointer?) -> Int32 {
    withConvolution(input, output, parameters, isNarrow) { convolution in
      cdnnl_convolution_backward_create(engine, &convolution, &primitive)
    }
  }
}

/// Calls `body` with the C description of a convolution, whose pointers are valid during the call.
private func withConvolution<Result>(
  _ input: [Int], _ output: [Int], _ parameters: ConvolutionParameters, _ isNarrow: Bool,
  _ body: (inout cdnnl_convolution) -> Result
) -> Result {
  let window = parameters.window
  let lists = [
    input, output, window.kernel, window.strides, window.dilations, window.padsBegin,
    window.padsEnd,
  ]
  return withPointers(to: lists) { lists in
    var convolution = cdnnl_convolution(
      rank: Int32(input.count), input: lists[0], output: lists[1], kernel: lists[2],
      strides: lists[3], dilations: lists[4], pads_begin: lists[5], pads_end: lists[6],
      groups: parameters.groups, is_narrow: isNarrow, has_bias: false, has_addend: false,
      has_relu: false)
    return body(&convolution)
  }
}
