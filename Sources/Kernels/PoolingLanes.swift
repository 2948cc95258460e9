/// What pooling takes the maximum of at one place: an element, or the elements of a block of
/// channels.
protocol MaximumLane {
  static var least: Self { get }
  static var zero: Self { get }

  /// Replaces this by `other` where that is greater or not a number; whether it did so anywhere.
  @discardableResult
  mutating func raise(to other: Self) -> Bool

  /// Adds `gradient` to `sums` where `input` has its first maximum in the window.
  static func scatter(
    _ gradient: Self, to sums: UnsafeMutablePointer<Self>, atMaximumOf input: UnsafePointer<Self>,
    _ window: PoolingPlaces.Window)
}

/// What pooling averages at one place.
protocol AverageLane {
  static var zero: Self { get }
  mutating func add(_ other: Self)
  /// This divided by a count; zero if that is zero.
  func divided(by count: Int) -> Self
}

protocol ScalarLane: MaximumLane, Comparable, AdditiveArithmetic {}

extension ScalarLane {
  @inline(__always)
  mutating func raise(to other: Self) -> Bool {
    guard other > self || other != other else { return false }
    self = other
    return true
  }

  @inline(__always)
  static func scatter(
    _ gradient: Self, to sums: UnsafeMutablePointer<Self>, atMaximumOf input: UnsafePointer<Self>,
    _ window: PoolingPlaces.Window
  ) {
    guard !window.isEmpty else { return }
    var best = least
    var choice = window.first
    window.forEachPlace { place in if best.raise(to: input[place]) { choice = place } }
    sums[choice] += gradient
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

/// A block of channels at one place.
protocol BlockLane: MaximumLane, AverageLane, SIMD
where Scalar == Float, MaskStorage.Scalar == Int32 {
  /// All bits where this is greater than `other` or not a number, none elsewhere.
  func exceeds(_ other: Self) -> MaskStorage
  var bits: MaskStorage { get }
  init(bits: MaskStorage)
}

extension BlockLane {
  static var least: Self { Self(repeating: -.infinity) }
  static var zero: Self { Self(repeating: 0) }

  @inline(__always)
  mutating func raise(to other: Self) -> Bool {
    self = Self(bits: bits.replaced(by: other.bits, where: other.exceeds(self)))
    return true
  }

  @inline(__always)
  static func scatter(
    _ gradient: Self, to sums: UnsafeMutablePointer<Self>, atMaximumOf input: UnsafePointer<Self>,
    _ window: PoolingPlaces.Window
  ) {
    guard !window.isEmpty else { return }
    var best = least
    var choices = MaskStorage(repeating: Int32(truncatingIfNeeded: window.first))
    window.forEachPlace { place in
      let other = input[place]
      let isBetter = other.exceeds(best)
      best = Self(bits: best.bits.replaced(by: other.bits, where: isBetter))
      choices = choices.replaced(
        by: MaskStorage(repeating: Int32(truncatingIfNeeded: place)), where: isBetter)
    }
    let target = UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Float.self)
    for lane in 0..<scalarCount {
      target[Int(choices[lane]) * scalarCount + lane] += gradient[lane]
    }
  }

  @inline(__always)
  mutating func add(_ other: Self) { self += other }

  @inline(__always)
  func divided(by count: Int) -> Self { count == 0 ? .zero : self / Float(count) }
}

extension SIMD where Scalar == Int32 {
  /// The bits of `other` where those of `mask` are set, and of this elsewhere.
  @inline(__always)
  fileprivate func replaced(by other: Self, where mask: Self) -> Self {
    (other & mask) | (self & ~mask)
  }
}

extension SIMD8: BlockLane, MaximumLane, AverageLane where Scalar == Float {
  var bits: SIMD8<Int32> { unsafeBitCast(self, to: SIMD8<Int32>.self) }

  init(bits: SIMD8<Int32>) { self = unsafeBitCast(bits, to: Self.self) }

  @inline(__always)
  func exceeds(_ other: Self) -> SIMD8<Int32> {
    unsafeBitCast((self .> other) .| (self .!= self), to: SIMD8<Int32>.self)
  }
}

extension SIMD16: BlockLane, MaximumLane, AverageLane where Scalar == Float {
  var bits: SIMD16<Int32> { unsafeBitCast(self, to: SIMD16<Int32>.self) }

  init(bits: SIMD16<Int32>) { self = unsafeBitCast(bits, to: Self.self) }

  @inline(__always)
  func exceeds(_ other: Self) -> SIMD16<Int32> {
    unsafeBitCast((self .> other) .| (self .!= self), to: SIMD16<Int32>.self)
  }
}
