import CDNNL
import Tensors

/// Which places of a plane each window of a pooling covers, for 1 to 3 spatial dimensions.
struct PoolingPlaces {
  /// The part of a window along one dimension that lies in the input.
  fileprivate struct Reach {
    let first: Int
    let count: Int
    /// Places of the window, those in the padding included where they count.
    let counted: Int
  }

  /// The part of a window that lies in the input.
  struct Window {
    /// The first place.
    let first: Int
    /// Elements that an average divides by.
    let counted: Int
    fileprivate let counts: (z: Int, y: Int, x: Int)
    fileprivate let steps: (z: Int, y: Int, x: Int)

    /// Whether all of the window lies in the padding.
    var isEmpty: Bool { counts.z == 0 || counts.y == 0 || counts.x == 0 }

    /// The place in the input of one of the window, which are counted in row-major order.
    func place(_ index: Int) -> Int {
      let (row, x) = index.quotientAndRemainder(dividingBy: counts.x)
      let (z, y) = row.quotientAndRemainder(dividingBy: counts.y)
      return first + z * steps.z + y * steps.y + x * steps.x
    }

    /// Calls `body` with the first place, the step and the count of each row.
    @inline(__always)
    func forEachRow(_ body: (_ first: Int, _ step: Int, _ count: Int) -> Void) {
      for z in 0..<counts.z {
        for y in 0..<counts.y {
          body(first + z * steps.z + y * steps.y, steps.x, counts.x)
        }
      }
    }

    /// Calls `body` with each place, in row-major order.
    @inline(__always)
    func forEachPlace(_ body: (Int) -> Void) {
      forEachRow { first, step, count in
        for place in 0..<count { body(first + place * step) }
      }
    }
  }

  /// The shape of the output.
  let output: Shape
  /// Places in one plane of the input and of the output.
  let inputSize: Int
  let outputSize: Int

  private let reaches: [[Reach]]
  private let steps: (z: Int, y: Int, x: Int)
  private let extents: [Int]
  private let dilations: [Int]

  init(_ input: Shape, _ parameters: PoolingParameters) throws(KernelError) {
    let window = parameters.window
    let spatial = Array(input.dropFirst(2))
    guard 1...3 ~= spatial.count else {
      throw KernelError("pooling needs 1 to 3 spatial dimensions, \(input) has \(spatial.count)")
    }
    let outputs = try window.outputExtents(of: spatial, roundsUp: parameters.roundsUp)
    guard let output = Shape(checking: input.prefix(2) + outputs) else {
      throw KernelError("the output would be too large")
    }
    self.output = output
    inputSize = spatial.reduce(1, *)
    outputSize = outputs.reduce(1, *)
    let lead = 3 - spatial.count
    extents = [Int](repeating: 1, count: lead) + spatial
    dilations = [Int](repeating: 1, count: lead) + window.dilations
    steps = (dilations[0] * extents[1] * extents[2], dilations[1] * extents[2], dilations[2])
    let trivial = [[Reach]](repeating: [Reach(first: 0, count: 1, counted: 1)], count: lead)
    reaches =
      trivial
      + spatial.indices.map { axis in
        let (dilation, pad) = (window.dilations[axis], window.padsBegin[axis])
        let padded = spatial[axis] + window.padsEnd[axis]
        return (0..<outputs[axis]).map { place in
          let start = place * window.strides[axis] - pad
          let skipped = start < 0 ? (-start + dilation - 1) / dilation : 0
          func inside(_ limit: Int) -> Int {
            start < limit ? min(window.kernel[axis], (limit - start - 1) / dilation + 1) : 0
          }
          let count = max(inside(spatial[axis]) - skipped, 0)
          return Reach(
            first: start + skipped * dilation, count: count,
            counted: parameters.countsPadding ? inside(padded) : count)
        }
      }
  }

  /// Calls `body` with the windows in C's terms, valid during the call.
  func withWindows(_ body: (UnsafePointer<cdnnl_windows>) -> Void) {
    let all = reaches.flatMap { axis in
      axis.map { cdnnl_reach(first: Int32($0.first), count: Int32($0.count)) }
    }
    let (depth, height, width) = (reaches[0].count, reaches[1].count, reaches[2].count)
    all.withUnsafeBufferPointer { all in
      guard let first = all.baseAddress else { return }
      var windows = cdnnl_windows(
        input: (extents[0], extents[1], extents[2]), output: (depth, height, width),
        dilations: (dilations[0], dilations[1], dilations[2]), steps: (steps.z, steps.y, steps.x),
        reaches: (first, first + depth, first + depth + height))
      body(&windows)
    }
  }

  /// Calls `body` with each place of the output and the window that yields it.
  @inline(__always)
  func forEachWindow(_ body: (_ output: Int, Window) -> Void) {
    var index = 0
    for z in reaches[0] {
      for y in reaches[1] {
        for x in reaches[2] {
          body(
            index,
            Window(
              first: (z.first * extents[1] + y.first) * extents[2] + x.first,
              counted: z.counted * y.counted * x.counted, counts: (z.count, y.count, x.count),
              steps: steps))
          index += 1
        }
      }
    }
  }

  /// A place of the input counted along the first spatial dimension first.
  func columnMajor(_ place: Int) -> Int {
    let x = place % extents[2]
    let y = place / extents[2] % extents[1]
    let z = place / extents[2] / extents[1]
    return (x * extents[1] + y) * extents[0] + z
  }
}
