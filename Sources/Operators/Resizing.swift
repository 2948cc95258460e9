package import Graphs
package import Kernels
package import Tensors

/// The input resampled to other extents, given as factors (`scales`) or directly (`sizes`).
///
/// Opset 10 has scales only and looks at neighbours without half-pixel shifts; 11 added sizes and the
/// transformations of coordinates; 18 antialiasing, axes and the aspect-ratio policies; 19
/// `half_pixel_symmetric`. Extents are floor(extent * scale) in single precision. Gradient: the
/// transposed resampling of dy. <https://onnx.ai/onnx/operators/onnx__Resize.html>
package struct Resize: Operator {
  private enum AspectRatio: String {
    case stretch, notLarger = "not_larger", notSmaller = "not_smaller"
  }

  private let filter: ResizeFilter
  private let axes: [Int]?
  private let aspectRatio: AspectRatio
  private let opset: Int

  package static let specification = Specification(
    "Resize", opsets: 10...Specification.newestOpset, inputs: 1...4)

  package static let examples = [
    Example(
      "twice as wide, nearest",
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [1, 1, 2, 2]), nil, Tensor([1, 1, 1, 2] as [Float]),
      ],
      outputs: [Tensor([1.0, 1, 2, 2, 3, 3, 4, 4], shape: [1, 1, 2, 4])], differentiable: [0]),
    Example(
      "twice as long, linear", attributes: ["mode": .string("linear")],
      inputs: [Tensor([0.0, 4]), nil, nil, Tensor([4] as [Int64])],
      outputs: [Tensor([0.0, 1, 3, 4])], differentiable: [0]),
    Example(
      "linear between the corners",
      attributes: [
        "mode": .string("linear"), "coordinate_transformation_mode": .string("align_corners"),
      ], inputs: [Tensor([0.0, 4, 0]), nil, nil, Tensor([5] as [Int64])],
      outputs: [Tensor([0.0, 2, 4, 2, 0])], differentiable: [0]),
    Example(
      "half as long, antialiased as PyTorch does",
      attributes: [
        "mode": .string("linear"), "antialias": .int(1), "exclude_outside": .int(1),
        "axes": .ints([1]),
      ],
      inputs: [Tensor([0.0, 8, 16, 24], shape: [1, 4]), nil, Tensor([0.5] as [Float])],
      outputs: [Tensor([40.0 / 7, 128.0 / 7], shape: [1, 2])], differentiable: [0]),
    Example(
      "cubic", attributes: ["mode": .string("cubic")],
      inputs: [Tensor([0.0, 32, 0, 0]), nil, Tensor([2] as [Float])],
      outputs: [Tensor([-3.375, 8.375, 28.125, 28.125, 8.375, -3.375, -1.125, 0])],
      differentiable: [0]),
    Example(
      "fitted without distortion",
      attributes: ["keep_aspect_ratio_policy": .string("not_larger")],
      inputs: [
        Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4]), nil, nil, Tensor([2, 2] as [Int64]),
      ],
      outputs: [Tensor([1.0, 3], shape: [1, 2])], differentiable: [0]),
    Example(
      "opset 10 rounds up where it shrinks", opset: 10,
      inputs: [Tensor([1.0, 2, 3, 4]), Tensor([0.6] as [Float])], outputs: [Tensor([1.0, 3])],
      differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.opset = attributes.opset
    self.filter = try ResizeFilter(&attributes)
    self.axes = try attributes.ints("axes")
    self.aspectRatio = try attributes.choice(
      "keep_aspect_ratio_policy", default: AspectRatio.stretch)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard filter.mode == .nearest || x.elementType.isFloatingPoint else {
      throw OperatorError("mode \(filter.mode.rawValue) is not defined for \(x.elementType)")
    }
    return [TensorType(x.elementType, try geometry(inputs).output)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let x = try inputs.required(0)
    let geometry = try geometry(inputs.operands)
    let resized = try workspace.resample(x, by: geometry.maps)
    let outside = geometry.outside
    guard filter.extrapolationValue != 0, outside.contains(where: { !$0.isEmpty }) else {
      return [resized]
    }
    let value = Tensor(scalar: filter.extrapolationValue).converted(to: x.elementType)
    return [workspace.overwrite(resized, at: outside, with: value)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let geometry = try geometry(context.operands)
    return [try context.append(Resample(geometry, transposed: true), try context.outputGradient())]
      + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    let degree = try inputs.firstDegree()
    guard filter.coordinates != .cropAndResize || filter.extrapolationValue == 0 else {
      return try inputs.constantDegree(or: "extrapolates by a constant other than 0")
    }
    return degree
  }

  private func geometry(_ inputs: [Operand?]) throws(OperatorError) -> ResizeGeometry {
    let shape = try inputs.required(0).shape
    let axes = try shape.dimensions(of: axes)
    let regions = try regions(of: shape, axes, inputs)
    let scaleInput = inputs.optional(opset < 11 ? 1 : 2)
    if let scaleInput, scaleInput.shape.elementCount > 0 {
      let given = try scaleInput.numbers("the scales")
      guard given.count == axes.count else {
        throw OperatorError("\(given.count) scales for \(axes.count) axes")
      }
      var scales = Array(repeating: 1.0, count: shape.rank)
      for (scale, axis) in zip(given, axes) { scales[axis] = scale }
      return try .scaled(filter, shape, by: scales, regions)
    }
    guard opset >= 11, let sizeInput = inputs.optional(3) else {
      throw OperatorError("scales and sizes are both missing")
    }
    let sizes = try sizeInput.integers("the sizes")
    guard sizes.count == axes.count, sizes.allSatisfy({ $0 > 0 }) else {
      throw OperatorError("sizes \(sizes) do not fit \(axes.count) axes")
    }
    return try sized(shape, axes, sizes, regions)
  }

  private func sized(
    _ shape: Shape, _ axes: [Int], _ sizes: [Int], _ regions: [ClosedRange<Double>]
  ) throws(OperatorError) -> ResizeGeometry {
    var scales = Array(repeating: 1.0, count: shape.rank)
    var dimensions = shape.dimensions
    let factors = zip(sizes, axes).map { Double($0) / Double(max(1, shape[$1])) }
    for (index, axis) in axes.enumerated() {
      switch aspectRatio {
      case .stretch:
        scales[axis] = factors[index]
        dimensions[axis] = sizes[index]
      case .notLarger, .notSmaller:
        let common = aspectRatio == .notLarger ? factors.min() : factors.max()
        scales[axis] = common ?? 1
        dimensions[axis] = try .init(
          resized: (scales[axis] * Double(shape[axis]) + 0.5).rounded(.down))
      }
    }
    return try ResizeGeometry(
      filter, input: shape, output: try Shape(result: dimensions), scales: scales, regions: regions)
  }

  /// The part of each dimension that `tf_crop_and_resize` looks at.
  private func regions(
    of shape: Shape, _ axes: [Int], _ inputs: [Operand?]
  ) throws(OperatorError) -> [ClosedRange<Double>] {
    var regions = Array(repeating: 0.0...1.0, count: shape.rank)
    guard filter.coordinates == .cropAndResize else { return regions }
    let bounds = try inputs.required(1).numbers("the region of interest")
    guard bounds.count == 2 * axes.count else {
      throw OperatorError("\(bounds.count) bounds of a region with \(axes.count) axes")
    }
    for (index, axis) in axes.enumerated() {
      let (start, end) = (bounds[index], bounds[index + axes.count])
      guard start <= end, start.isFinite, end.isFinite else {
        throw OperatorError("a region from \(start) to \(end) is not supported")
      }
      regions[axis] = start...end
    }
    return regions
  }
}

/// The input enlarged by the factors `scales`: `Resize` by its old name.
///
/// Opset 1 has the factors as `height_scale` and `width_scale`, 7 as the attribute `scales`, 9 as an
/// input; 10 dropped the operator. Gradient: as of `Resize`.
/// <https://onnx.ai/onnx/operators/onnx__Upsample.html>
package struct Upsample: Operator {
  private let filter: ResizeFilter
  private let scales: [Double]?

  package static let specification = Specification("Upsample", opsets: 1...9, inputs: 1...2)

  package static let examples = [
    Example(
      "factors as an input", opset: 9,
      inputs: [Tensor([1.0, 2], shape: [1, 2]), Tensor([2, 2] as [Float])],
      outputs: [Tensor([1.0, 1, 2, 2, 1, 1, 2, 2], shape: [2, 4])], differentiable: [0]),
    Example(
      "linear, factors as an attribute",
      attributes: ["mode": .string("linear"), "scales": .floats([2])], opset: 7,
      inputs: [Tensor([0.0, 2])], outputs: [Tensor([0.0, 1, 2, 2])], differentiable: [0]),
    Example(
      "pictures", attributes: ["height_scale": .float(1), "width_scale": .float(2)], opset: 1,
      inputs: [Tensor([1.0, 2], shape: [1, 1, 1, 2])],
      outputs: [Tensor([1.0, 1, 2, 2], shape: [1, 1, 1, 4])], differentiable: [0]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let mode = try attributes.string("mode") ?? "nearest"
    guard let known = ResizeFilter.Mode(rawValue: mode == "bilinear" ? "linear" : mode),
      known != .cubic
    else { throw OperatorError("attribute mode: '\(mode)' is not supported") }
    self.filter = .opset10(known)
    if attributes.opset >= 9 {
      self.scales = nil
    } else if attributes.opset >= 7 {
      self.scales = try attributes.floats("scales") ?? []
    } else {
      self.scales = [
        1, 1, try attributes.float("height_scale", default: 1),
        try attributes.float("width_scale", default: 1),
      ]
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    guard filter.mode == .nearest || x.elementType.isFloatingPoint else {
      throw OperatorError("mode \(filter.mode.rawValue) is not defined for \(x.elementType)")
    }
    return [TensorType(x.elementType, try geometry(inputs).output)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.resample(try inputs.required(0), by: try geometry(inputs.operands).maps)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let geometry = try geometry(context.operands)
    return [try context.append(Resample(geometry, transposed: true), try context.outputGradient())]
      + context.noOtherGradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  private func geometry(_ inputs: [Operand?]) throws(OperatorError) -> ResizeGeometry {
    let shape = try inputs.required(0).shape
    let scales = if let scales { scales } else { try inputs.required(1).numbers("the scales") }
    guard scales.count == shape.rank else {
      throw OperatorError("\(scales.count) scales for rank \(shape.rank)")
    }
    return try .scaled(filter, shape, by: scales)
  }
}

/// A resampling of known extents or, transposed, the gradient of one: every element of dy shared out
/// among those that it was computed from.
package struct Resample: Lowerable {
  private let geometry: ResizeGeometry
  private let isTransposed: Bool

  package static let specification = Specification(internal: "Resample", inputs: 1...1)

  package static let examples = [
    Example(
      "of an enlarged pair", attributes: attributes(transposed: 1),
      inputs: [Tensor([1.0, 2, 3, 4])], outputs: [Tensor([3.25, 6.75])], differentiable: [0]),
    Example(
      "an enlarged pair", attributes: attributes(transposed: 0), inputs: [Tensor([0.0, 4])],
      outputs: [Tensor([0.0, 1, 3, 4])], differentiable: [0]),
  ]

  private static func attributes(transposed: Int) -> [String: AttributeValue] {
    [
      "mode": .string("linear"), "scales": .floats([2]), "shape": .ints([2]), "sizes": .ints([4]),
      "transposed": .int(transposed),
    ]
  }

  init(_ geometry: ResizeGeometry, transposed: Bool) {
    self.geometry = geometry
    self.isTransposed = transposed
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let input = try Shape(result: try attributes.ints("shape") ?? [])
    let output = try Shape(result: try attributes.ints("sizes") ?? [])
    let scales = try attributes.floats("scales") ?? []
    guard output.rank == input.rank, scales.count == input.rank else {
      throw OperatorError("shape, sizes and scales differ in rank")
    }
    self.isTransposed = try attributes.flag("transposed", default: false)
    self.geometry = try ResizeGeometry(
      try ResizeFilter(&attributes), input: input, output: output, scales: scales)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    let (from, to) =
      isTransposed ? (geometry.output, geometry.input) : (geometry.input, geometry.output)
    guard x.shape == from else { throw OperatorError("\(x.shape) is not \(from)") }
    return [TensorType(x.elementType, to)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let maps = isTransposed ? geometry.maps.map { $0?.transposed } : geometry.maps
    return [try workspace.resample(try inputs.required(0), by: maps)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [
      try context.append(
        Resample(geometry, transposed: !isTransposed), try context.outputGradient())
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let maps = isTransposed ? geometry.maps.map { $0?.transposed } : geometry.maps
    return [try context.map(try context.input(0), by: maps)]
  }
}

extension ResizeGeometry {
  /// The geometry of a tensor whose extents are multiplied by `scales`.
  fileprivate static func scaled(
    _ filter: ResizeFilter, _ shape: Shape, by scales: [Double],
    _ regions: [ClosedRange<Double>]? = nil
  ) throws(OperatorError) -> ResizeGeometry {
    var dimensions: [Int] = []
    for (axis, scale) in scales.enumerated() {
      let region = regions?[axis] ?? 0...1
      let length = Float(shape[axis]) * Float(region.upperBound - region.lowerBound) * Float(scale)
      dimensions.append(try .init(resized: Double(length).rounded(.down)))
    }
    return try ResizeGeometry(
      filter, input: shape, output: try Shape(result: dimensions), scales: scales, regions: regions)
  }
}

extension Int {
  /// A whole number as an extent.
  fileprivate init(resized length: Double) throws(OperatorError) {
    guard (0...Double(Shape.elementLimit)).contains(length) else {
      throw OperatorError("the result would have an extent of \(length)")
    }
    self = Int(length)
  }
}

extension Operand {
  /// The numbers of a constant operand, such as scales.
  ///
  /// - Throws: if the operand is computed from the model's input; `role` names it in the message.
  func numbers(_ role: String) throws(OperatorError) -> [Double] {
    guard let constant else {
      throw OperatorError("\(role) depends on the model's input values, which is not supported")
    }
    return constant.converted(to: .float64).elements(as: Double.self)
  }
}
