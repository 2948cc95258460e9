import CDNNL

/// What pooling takes the maximum of at one place: an element, or the elements of a block of
/// channels.
protocol MaximumLane {
  static var zero: Self { get }

  /// Stores the maximum of the window; the least number if it has no places.
  static func storeMaximum(
    of input: UnsafePointer<Self>, _ window: PoolingPlaces.Window,
    to output: UnsafeMutablePointer<Self>)

  /// Adds `gradient` to `sums` where `input` has its first maximum in the window.
  static func scatter(
    _ gradient: UnsafePointer<Self>, to sums: UnsafeMutablePointer<Self>,
    atMaximumOf input: UnsafePointer<Self>, _ window: PoolingPlaces.Window)
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
}

extension ScalarLane {
  /// The maximum of the window and its first place; nil if it has no places.
  @inline(__always)
  static func maximum(
    of input: UnsafePointer<Self>, _ window: PoolingPlaces.Window
  ) -> (value: Self, place: Int)? {
    guard !window.isEmpty else { return nil }
    var best = (value: least, place: window.first)
    window.forEachPlace { place in
      let other = input[place]
      if other > best.value || other != other { best = (other, place) }
    }
    return best
  }

  @inline(__always)
  static func storeMaximum(
    of input: UnsafePointer<Self>, _ window: PoolingPlaces.Window,
    to output: UnsafeMutablePointer<Self>
  ) {
    output.pointee = maximum(of: input, window)?.value ?? least
  }

  @inline(__always)
  static func scatter(
    _ gradient: UnsafePointer<Self>, to sums: UnsafeMutablePointer<Self>,
    atMaximumOf input: UnsafePointer<Self>, _ window: PoolingPlaces.Window
  ) {
    guard let place = maximum(of: input, window)?.place else { return }
    sums[place] += gradient.pointee
  }
}

extension Float: ScalarLane, AverageLane { static var least: Float { -.infinity } }
extension Double: ScalarLane, AverageLane { static var least: Double { -.infinity } }
extension Int8: ScalarLane { static var least: Int8 { .min } }
extension UInt8: ScalarLane { static var least: UInt8 { .min } }

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
  @inline(__always)
  static func storeMaximum(
    of input: UnsafePointer<Self>, _ window: PoolingPlaces.Window,
    to output: UnsafeMutablePointer<Self>
  ) {
    withUnsafePointer(to: window.forC) {
      cdnnl_maximum_8(floats(input), $0, floats(output))
    }
  }

  @inline(__always)
  static func scatter(
    _ gradient: UnsafePointer<Self>, to sums: UnsafeMutablePointer<Self>,
    atMaximumOf input: UnsafePointer<Self>, _ window: PoolingPlaces.Window
  ) {
    withUnsafePointer(to: window.forC) {
      cdnnl_maximum_gradient_8(floats(input), $0, floats(gradient), floats(sums))
    }
  }
}

extension SIMD16: MaximumLane, AverageLane where Scalar == Float {
  @inline(__always)
  static func storeMaximum(
    of input: UnsafePointer<Self>, _ window: PoolingPlaces.Window,
    to output: UnsafeMutablePointer<Self>
  ) {
    withUnsafePointer(to: window.forC) {
      cdnnl_maximum_16(floats(input), $0, floats(output))
    }
  }

  @inline(__always)
  static func scatter(
    _ gradient: UnsafePointer<Self>, to sums: UnsafeMutablePointer<Self>,
    atMaximumOf input: UnsafePointer<Self>, _ window: PoolingPlaces.Window
  ) {
    withUnsafePointer(to: window.forC) {
      cdnnl_maximum_gradient_16(floats(input), $0, floats(gradient), floats(sums))
    }
  }
}

private func floats(_ blocks: UnsafeRawPointer) -> UnsafePointer<Float> {
  blocks.assumingMemoryBound(to: Float.self)
}

private func floats(_ blocks: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
  blocks.assumingMemoryBound(to: Float.self)
}
