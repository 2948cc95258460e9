import Graphs
import Kernels
import Tensors

/// How a resized tensor is computed from the original: the attributes of `Resize`.
struct ResizeFilter: Sendable {
  enum Mode: String { case nearest, linear, cubic }

  /// Where an element of the result lies in the original.
  enum Coordinates: String {
    case halfPixel = "half_pixel"
    case halfPixelSymmetric = "half_pixel_symmetric"
    case pytorchHalfPixel = "pytorch_half_pixel"
    case alignCorners = "align_corners"
    case asymmetric
    case cropAndResize = "tf_crop_and_resize"
  }

  /// Which neighbour is the nearest.
  enum Rounding: String {
    case preferFloor = "round_prefer_floor"
    case preferCeiling = "round_prefer_ceil"
    case floor
    case ceiling = "ceil"
    /// Of opset 10: up where the result is smaller than the original, else down.
    case byDirection = "opset 10"
  }

  var mode = Mode.nearest
  var coordinates = Coordinates.halfPixel
  var rounding = Rounding.preferFloor
  var cubicCoefficient = -0.75
  var antialiases = false
  var excludesOutside = false
  var extrapolationValue = 0.0

  /// The filter of `Upsample` and of `Resize` in opset 10.
  static func opset10(_ mode: Mode) -> ResizeFilter {
    ResizeFilter(mode: mode, coordinates: .asymmetric, rounding: .byDirection)
  }

  /// The weight of a neighbour that lies `distance` away, in units of the kernel.
  fileprivate func weight(at distance: Double) -> Double {
    let x = abs(distance)
    guard mode == .cubic else { return max(0, 1 - x) }
    let a = cubicCoefficient
    if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
  }
}

extension ResizeFilter {
  init(_ attributes: inout Attributes) throws(OperatorError) {
    let mode = try attributes.choice("mode", default: Mode.nearest)
    guard attributes.opset >= 11 else {
      self = .opset10(mode)
      return
    }
    self.init(
      mode: mode,
      coordinates: try attributes.choice(
        "coordinate_transformation_mode", default: Coordinates.halfPixel),
      rounding: try attributes.choice("nearest_mode", default: Rounding.preferFloor),
      cubicCoefficient: try attributes.float("cubic_coeff_a", default: -0.75),
      antialiases: try attributes.flag("antialias", default: false),
      excludesOutside: try attributes.flag("exclude_outside", default: false),
      extrapolationValue: try attributes.float("extrapolation_value", default: 0))
    guard !antialiases || (mode != .nearest && coordinates != .cropAndResize) else {
      throw OperatorError(
        "antialiasing with mode \(mode.rawValue) and \(coordinates.rawValue) is not supported")
    }
  }
}

extension Attributes {
  /// The case of an enumeration that a string names.
  mutating func choice<Choice: RawRepresentable<String>>(
    _ name: String, default fallback: Choice
  ) throws(OperatorError) -> Choice {
    guard let text = try string(name) else { return fallback }
    guard let choice = Choice(rawValue: text) else {
      throw OperatorError("attribute \(name): '\(text)' is not supported")
    }
    return choice
  }
}

/// A filter applied to tensors of one shape: the extents of the result and, along each dimension,
/// which elements of the original make up each of its elements.
struct ResizeGeometry: Sendable {
  let filter: ResizeFilter
  let input: Shape
  let output: Shape
  /// Per dimension, how many times longer the result is; output / input but for rounding.
  let scales: [Double]
  /// Per dimension, the part of the original that is cropped, as fractions of its extent.
  let regions: [ClosedRange<Double>]

  init(
    _ filter: ResizeFilter, input: Shape, output: Shape, scales: [Double],
    regions: [ClosedRange<Double>]? = nil
  ) throws(OperatorError) {
    for axis in input.indices where input[axis] == 0 && output[axis] > 0 {
      throw OperatorError("extent \(axis) of \(input) is empty: there is nothing to resize")
    }
    guard scales.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw OperatorError("the scales \(scales) are not all positive")
    }
    self.filter = filter
    self.input = input
    self.output = output
    self.scales = scales
    self.regions = regions ?? Array(repeating: 0...1, count: input.rank)
  }

  /// The linear map along each dimension that changes.
  var maps: [AxisMap?] { input.indices.map(map) }

  /// Per dimension, the elements of the result that lie outside the original: `extrapolationValue`
  /// stands there.
  var outside: [[Int]] {
    input.indices.map { axis in
      guard !isUnchanged(axis), filter.coordinates == .cropAndResize else { return [] }
      return (0..<output[axis]).filter { isOutside(position(of: $0, axis), axis) }
    }
  }

  private func isUnchanged(_ axis: Int) -> Bool {
    input[axis] == output[axis] && abs(scales[axis] - 1) < 1e-9
      && (filter.coordinates != .cropAndResize || regions[axis] == 0...1)
  }

  private func isOutside(_ position: Double, _ axis: Int) -> Bool {
    filter.coordinates == .cropAndResize && !(0...Double(input[axis] - 1)).contains(position)
  }

  private func map(_ axis: Int) -> AxisMap? {
    guard !isUnchanged(axis) else { return nil }
    let extent = input[axis]
    let positions = (0..<output[axis]).map { position(of: $0, axis) }
    if filter.mode == .nearest, !positions.contains(where: { isOutside($0, axis) }) {
      return AxisMap(
        selecting: positions.map { nearest(to: $0, scales[axis], extent) }, of: extent)
    }
    return AxisMap(
      terms: positions.map { position in
        if isOutside(position, axis) { return [] }
        if filter.mode == .nearest { return [(nearest(to: position, scales[axis], extent), 1)] }
        return neighbours(of: position, scales[axis], extent)
      }, of: extent)
  }

  /// Where the element `index` of the result lies in the original.
  private func position(of index: Int, _ axis: Int) -> Double {
    let (x, scale, extent) = (Double(index), scales[axis], Double(input[axis]))
    let length = scale * extent
    let position: Double
    switch filter.coordinates {
    case .halfPixel: position = (x + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      let offset = extent / 2 * (1 - Double(output[axis]) / length)
      position = offset + (x + 0.5) / scale - 0.5
    case .pytorchHalfPixel: position = output[axis] > 1 ? (x + 0.5) / scale - 0.5 : 0
    case .alignCorners: position = length == 1 ? 0 : x * (extent - 1) / (length - 1)
    case .asymmetric: position = x / scale
    case .cropAndResize:
      let region = regions[axis]
      let width = (region.upperBound - region.lowerBound) * (extent - 1)
      let within = length == 1 ? width / 2 : x * width / (length - 1)
      position = within + region.lowerBound * (extent - 1)
    }
    return min(max(position, -extent - 4), 2 * extent + 4)
  }

  private func nearest(to position: Double, _ scale: Double, _ extent: Int) -> Int {
    let rounded: Double
    switch filter.rounding {
    case .preferFloor: rounded = (position - 0.5).rounded(.up)
    case .preferCeiling: rounded = (position + 0.5).rounded(.down)
    case .floor: rounded = position.rounded(.down)
    case .ceiling: rounded = position.rounded(.up)
    case .byDirection: rounded = position.rounded(scale < 1 ? .up : .down)
    }
    return min(max(Int(rounded), 0), extent - 1)
  }

  /// The elements around `position` and their weights; what lies outside counts as the edge.
  private func neighbours(
    of position: Double, _ scale: Double, _ extent: Int
  ) -> [(source: Int, weight: Double)] {
    let stretch = filter.antialiases ? min(scale, 1) : 1
    let support = filter.mode == .cubic ? 2.0 : 1.0
    let left = Int(position.rounded(.up)) - 1
    let first = Int((-support / stretch).rounded(.down)) + 1
    var terms: [(source: Int, weight: Double)] = []
    for index in (left + first)...(left + 1 - first) {
      let weight = filter.weight(at: (Double(index) - position) * stretch)
      if filter.excludesOutside, !(0..<extent).contains(index) { continue }
      terms.append((min(max(index, 0), extent - 1), weight))
    }
    guard filter.antialiases || filter.excludesOutside else { return terms }
    let sum = terms.reduce(0) { $0 + $1.weight }
    return sum == 0 ? terms : terms.map { ($0.source, $0.weight / sum) }
  }
}
