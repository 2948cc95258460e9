import Graphs
import Kernels
import Tensors

/// The attributes of a pooling, and how they meet its input.
struct PoolingAttributes: Sendable {
  private let window: WindowAttributes
  private let roundsUp: Bool
  private let countsPadding: Bool

  init(_ attributes: inout Attributes, averages: Bool) throws(OperatorError) {
    let opset = attributes.opset
    window = try WindowAttributes(&attributes, hasDilations: opset >= (averages ? 19 : 10))
    roundsUp = opset < 10 ? false : try attributes.flag("ceil_mode", default: false)
    countsPadding =
      averages && opset >= 7 ? try attributes.flag("count_include_pad", default: false) : false
    guard window.kernel != nil else { throw OperatorError("kernel_shape should be given") }
  }

  /// The parameters for an input N x C x spatial.
  func parameters(_ x: Shape) throws(OperatorError) -> PoolingParameters {
    guard 3...5 ~= x.rank else {
      throw OperatorError("pooling needs 1 to 3 spatial dimensions, the input is \(x)")
    }
    return try parameters(over: Array(x.dropFirst(2)))
  }

  /// The parameters where no `auto_pad` makes them depend on the input.
  func explicitParameters() throws(OperatorError) -> PoolingParameters {
    guard case .explicit = window.padding else {
      throw OperatorError("pads should be given")
    }
    return try parameters(over: [])
  }

  /// The shape of the output.
  func output(of x: Shape) throws(OperatorError) -> Shape { try parameters(x).output(of: x) }

  private func parameters(over spatial: [Int]) throws(OperatorError) -> PoolingParameters {
    let window = try window.window(kernel: window.kernel ?? [], over: spatial)
    for axis in window.kernel.indices
    where max(window.padsBegin[axis], window.padsEnd[axis]) >= window.span[axis] {
      throw OperatorError(
        "pads of \(window.padsBegin[axis]) and \(window.padsEnd[axis]) should be smaller than the "
          + "window, which spans \(window.span[axis])")
    }
    return PoolingParameters(window: window, roundsUp: roundsUp, countsPadding: countsPadding)
  }
}

extension PoolingParameters {
  /// The attributes that give these parameters back. Dilations, which the mean learnt late, are left
  /// out where there are none.
  func spelling(averages: Bool) -> [String: AttributeValue] {
    var spelling = window.attributes
    if window.dilations.allSatisfy({ $0 == 1 }) { spelling["dilations"] = nil }
    if roundsUp { spelling["ceil_mode"] = .int(1) }
    if averages { spelling["count_include_pad"] = .int(countsPadding ? 1 : 0) }
    return spelling
  }

  /// The shape of the output for an input N x C x spatial.
  func output(of x: Shape) throws(OperatorError) -> Shape {
    let extents = try window.outputExtents(of: Array(x.dropFirst(2)), roundsUp: roundsUp)
    guard let shape = Shape(checking: x.prefix(2) + extents) else {
      throw OperatorError("the output would be too large")
    }
    return shape
  }
}

extension [HomogeneityOperand?] {
  /// The degree of an operand, the others deciding only where it goes.
  func optionalDegree(_ index: Int) -> Degree {
    index < count ? self[index]?.degree ?? .zero : .zero
  }
}
