import CDNNL

/// What pooling takes the maximum of at one place: an element, or the elements of a block of
/// channels.
protocol MaximumLane {
  static var zero: Self { get }

  /// Numbers per lane: the channels of a block.
  static var width: Int { get }

  /// Stores the maxima of the windows of a plane, the least number for one without places, and where
  /// `choices` are wanted for each channel which place of the window has it first.
  static func storeMaxima(
    of input: UnsafePointer<Self>, _ places: PoolingPlaces, to output: UnsafeMutablePointer<Self>,
    _ choices: UnsafeMutablePointer<Int32>?)

  /// Stores the gradient of a plane: each element of that of the output at the chosen place, or
  /// shared by the places that have the maximum on the way to a successor.
  static func scatter(
    _ gradient: UnsafePointer<Self>, at choices: UnsafePointer<Int32>,
    onTheWayTo successor: PoolingSuccessor<Self>?, _ places: PoolingPlaces,
    to sums: UnsafeMutablePointer<Self>)
}

/// What a plane turns into.
struct PoolingSuccessor<Lane> {
  /// The plane.
  let start: UnsafePointer<Lane>
  /// The plane that it turns into.
  let end: UnsafePointer<Lane>
  /// The places of the maxima there.
  let choices: UnsafePointer<Int32>

  fileprivate func withBlocks(_ body: (UnsafePointer<cdnnl_successor>) -> Void) {
    var blocks = cdnnl_successor(start: floats(start), end: floats(end), choices: choices)
    body(&blocks)
  }
}

/// What pooling averages at one place.
protocol AverageLane {
  static var zero: Self { get }
  mutating func add(_ other: Self)
  /// This divided by a count; zero if that is zero.
  func divided(by count: Int) -> Self
}

/// An element at one place.
protocol ScalarLane: MaximumLane, Comparable, AdditiveArithmetic {
  static var least: Self { get }

  /// This number shared by the places that have the maximum one after the other, from `leader` on, while
  /// each moves on a straight line from its start to its end.
  ///
  /// - Parameter body: told of each of them with its share.
  func shareOnTheWay(
    from start: UnsafePointer<Self>, to end: UnsafePointer<Self>, leader: Int,
    _ window: PoolingPlaces.Window, _ body: (_ place: Int, _ share: Self) -> Void)
}

extension ScalarLane {
  static var width: Int { 1 }

  /// The maximum of the window and its first place, in the input and counted within the window; nil if
  /// it has no places.
  @inline(__always)
  static func maximum(
    of input: UnsafePointer<Self>, _ window: PoolingPlaces.Window
  ) -> (value: Self, place: Int, choice: Int32)? {
    guard !window.isEmpty else { return nil }
    var best = (value: least, place: window.first, choice: 0 as Int32)
    var index: Int32 = 0
    window.forEachPlace { place in
      let other = input[place]
      if other > best.value || other != other { best = (other, place, index) }
      index += 1
    }
    return best
  }

  static func storeMaxima(
    of input: UnsafePointer<Self>, _ places: PoolingPlaces, to output: UnsafeMutablePointer<Self>,
    _ choices: UnsafeMutablePointer<Int32>?
  ) {
    places.forEachWindow { index, window in
      let best = maximum(of: input, window)
      output[index] = best?.value ?? least
      choices?[index] = best?.choice ?? 0
    }
  }

  static func scatter(
    _ gradient: UnsafePointer<Self>, at choices: UnsafePointer<Int32>,
    onTheWayTo successor: PoolingSuccessor<Self>?, _ places: PoolingPlaces,
    to sums: UnsafeMutablePointer<Self>
  ) {
    for index in 0..<places.inputSize { sums[index] = zero }
    places.forEachWindow { index, window in
      guard !window.isEmpty else { return }
      let here = window.place(Int(choices[index]))
      guard let successor else {
        sums[here] += gradient[index]
        return
      }
      gradient[index].shareOnTheWay(
        from: successor.start, to: successor.end, leader: here, window
      ) { sums[$0] += $1 }
    }
  }
}

extension Float: ScalarLane, AverageLane { static var least: Float { -.infinity } }
extension Double: ScalarLane, AverageLane { static var least: Double { -.infinity } }
extension Int8: ScalarLane { static var least: Int8 { .min } }
extension UInt8: ScalarLane { static var least: UInt8 { .min } }

extension ScalarLane where Self: BinaryFloatingPoint {
  func shareOnTheWay(
    from start: UnsafePointer<Self>, to end: UnsafePointer<Self>, leader: Int,
    _ window: PoolingPlaces.Window, _ body: (_ place: Int, _ share: Self) -> Void
  ) {
    var (leader, since) = (leader, 0 as Self)
    // The line that crosses the leader's first is steeper, so that this ends.
    while true {
      var (next, until) = (leader, 1 as Self)
      window.forEachPlace { place in
        let gain = (end[place] - start[place]) - (end[leader] - start[leader])
        let crossing = (start[leader] - start[place]) / gain
        if gain > 0, crossing < until { (next, until) = (place, crossing) }
      }
      until = max(until, since)
      body(leader, self * (until - since))
      guard next != leader else { return }
      (leader, since) = (next, until)
    }
  }
}

extension ScalarLane where Self: BinaryInteger {
  // Integers have no gradients.
  func shareOnTheWay(
    from start: UnsafePointer<Self>, to end: UnsafePointer<Self>, leader: Int,
    _ window: PoolingPlaces.Window, _ body: (_ place: Int, _ share: Self) -> Void
  ) { body(leader, self) }
}

extension AverageLane where Self: BinaryFloatingPoint {
  @inline(__always)
  mutating func add(_ other: Self) { self += other }

  @inline(__always)
  func divided(by count: Int) -> Self { count == 0 ? 0 : self / Self(count) }
}

extension AverageLane where Self: SIMD, Scalar == Float {
  @inline(__always)
  mutating func add(_ other: Self) { self += other }

  @inline(__always)
  func divided(by count: Int) -> Self { count == 0 ? .zero : self / Float(count) }
}

extension SIMD8: MaximumLane, AverageLane where Scalar == Float {
  static var width: Int { 8 }

  static func storeMaxima(
    of input: UnsafePointer<Self>, _ places: PoolingPlaces, to output: UnsafeMutablePointer<Self>,
    _ choices: UnsafeMutablePointer<Int32>?
  ) {
    places.withWindows { cdnnl_maxima_8(floats(input), $0, floats(output), choices) }
  }

  static func scatter(
    _ gradient: UnsafePointer<Self>, at choices: UnsafePointer<Int32>,
    onTheWayTo successor: PoolingSuccessor<Self>?, _ places: PoolingPlaces,
    to sums: UnsafeMutablePointer<Self>
  ) {
    places.withWindows { windows in
      guard let successor else {
        cdnnl_scatter_8(choices, nil, windows, floats(gradient), floats(sums))
        return
      }
      successor.withBlocks {
        cdnnl_scatter_8(choices, $0, windows, floats(gradient), floats(sums))
      }
    }
  }
}

extension SIMD16: MaximumLane, AverageLane where Scalar == Float {
  static var width: Int { 16 }

  static func storeMaxima(
    of input: UnsafePointer<Self>, _ places: PoolingPlaces, to output: UnsafeMutablePointer<Self>,
    _ choices: UnsafeMutablePointer<Int32>?
  ) {
    places.withWindows { cdnnl_maxima_16(floats(input), $0, floats(output), choices) }
  }

  static func scatter(
    _ gradient: UnsafePointer<Self>, at choices: UnsafePointer<Int32>,
    onTheWayTo successor: PoolingSuccessor<Self>?, _ places: PoolingPlaces,
    to sums: UnsafeMutablePointer<Self>
  ) {
    places.withWindows { windows in
      guard let successor else {
        cdnnl_scatter_16(choices, nil, windows, floats(gradient), floats(sums))
        return
      }
      successor.withBlocks {
        cdnnl_scatter_16(choices, $0, windows, floats(gradient), floats(sums))
      }
    }
  }
}

private func floats(_ blocks: UnsafeRawPointer) -> UnsafePointer<Float> {
  blocks.assumingMemoryBound(to: Float.self)
}

private func floats(_ blocks: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
  blocks.assumingMemoryBound(to: Float.self)
}
