import Graphs
import Kernels

/// The attributes that say how the window of a convolution or a pooling moves.
///
/// Conventions: <https://onnx.ai/onnx/operators/onnx__Conv.html>. With `auto_pad` SAME_UPPER or
/// SAME_LOWER the output is the input divided by the stride, rounded up, and an odd pad goes to the
/// end or to the beginning.
struct WindowAttributes: Sendable {
  enum Padding: Sendable {
    case explicit(begin: [Int]?, end: [Int]?)
    case same(oddAtEnd: Bool)
  }

  let kernel: [Int]?
  let strides: [Int]?
  let dilations: [Int]?
  let padding: Padding

  init(_ attributes: inout Attributes, hasDilations: Bool = true) throws(OperatorError) {
    kernel = try attributes.ints("kernel_shape")
    strides = try attributes.ints("strides")
    dilations = hasDilations ? try attributes.ints("dilations") : nil
    let pads = try attributes.ints("pads")
    let automatic = try attributes.string("auto_pad") ?? "NOTSET"
    switch automatic {
    case "SAME_UPPER": padding = .same(oddAtEnd: true)
    case "SAME_LOWER": padding = .same(oddAtEnd: false)
    case "VALID": padding = .explicit(begin: nil, end: nil)
    case "NOTSET", "":
      guard let pads else {
        padding = .explicit(begin: nil, end: nil)
        return
      }
      guard pads.count.isMultiple(of: 2) else {
        throw OperatorError("pads \(pads) should have two numbers per spatial dimension")
      }
      let half = pads.count / 2
      padding = .explicit(begin: Array(pads[..<half]), end: Array(pads[half...]))
    default: throw OperatorError("auto_pad \(automatic) is not known")
    }
  }

  init(_ window: SlidingWindow) {
    kernel = window.kernel
    strides = window.strides
    dilations = window.dilations
    padding = .explicit(begin: window.padsBegin, end: window.padsEnd)
  }

  /// The attributes that give these back.
  var spelling: [String: AttributeValue] {
    var spelling: [String: AttributeValue] = [:]
    if let kernel { spelling["kernel_shape"] = .ints(kernel) }
    if let strides { spelling["strides"] = .ints(strides) }
    if let dilations { spelling["dilations"] = .ints(dilations) }
    switch padding {
    case .explicit(let begin?, let end?): spelling["pads"] = .ints(begin + end)
    case .explicit: break
    case .same(let oddAtEnd):
      spelling["auto_pad"] = .string(oddAtEnd ? "SAME_UPPER" : "SAME_LOWER")
    }
    return spelling
  }

  /// The window of this kernel over an input of these spatial extents.
  func window(kernel: [Int], over input: [Int]) throws(OperatorError) -> SlidingWindow {
    switch padding {
    case .explicit(let begin, let end):
      return try SlidingWindow(
        kernel: kernel, strides: strides, dilations: dilations, padsBegin: begin, padsEnd: end)
    case .same(let oddAtEnd):
      let bare = try SlidingWindow(kernel: kernel, strides: strides, dilations: dilations)
      guard input.count == kernel.count else {
        throw OperatorError(
          "a window of \(kernel.count) dimensions over an input of \(input.count)")
      }
      let totals = input.indices.map { axis -> Int in
        let output = max((input[axis] - 1) / bare.strides[axis], 0)
        return max(bare.span[axis] - (input[axis] - output * bare.strides[axis]), 0)
      }
      let (less, more) = (totals.map { $0 / 2 }, totals.map { $0 - $0 / 2 })
      return try SlidingWindow(
        kernel: kernel, strides: strides, dilations: dilations, padsBegin: oddAtEnd ? less : more,
        padsEnd: oddAtEnd ? more : less)
    }
  }
}

extension SlidingWindow {
  /// The attributes of the transposed convolution that spreads outputs over this window's places in an
  /// input of these extents. Places that no window reaches are its `output_padding`.
  func spreading(_ output: [Int], over input: [Int]) -> [String: AttributeValue] {
    var ends: [Int] = []
    var missed: [Int] = []
    for axis in input.indices {
      let reach = strides[axis] * (output[axis] - 1) + span[axis] - padsBegin[axis]
      ends.append(max(reach - input[axis], 0))
      missed.append(max(input[axis] - reach, 0))
    }
    return attributes.merging([
      "pads": .ints(padsBegin + ends), "output_padding": .ints(missed),
    ]) { $1 }
  }

  /// The attributes that give this window back.
  var attributes: [String: AttributeValue] {
    [
      "kernel_shape": .ints(kernel), "strides": .ints(strides), "dilations": .ints(dilations),
      "pads": .ints(padsBegin + padsEnd),
    ]
  }
}
