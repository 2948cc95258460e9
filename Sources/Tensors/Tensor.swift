/// An immutable array of numbers with a shape: a view of a storage.
///
/// Copies share the storage. Elements are read through `withElements`, in row-major order; kernels
/// that understand another layout ask for `bytes`.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let elementType: ElementType

  /// The extents, outermost first.
  public let shape: Shape

  /// How the elements lie in the storage.
  public let layout: Layout

  /// The memory that the elements lie in.
  public private(set) var storage: Storage

  /// Where in the storage the first element lies, in bytes.
  public let byteOffset: Int

  /// A view of `storage`.
  ///
  /// - Precondition: the storage holds all elements, padding included, from `byteOffset` on.
  ///   Callers that take the numbers from a file check them first.
  public init(
    _ elementType: ElementType, _ shape: Shape, layout: Layout = .rowMajor, storage: Storage,
    byteOffset: Int = 0
  ) {
    precondition(
      byteOffset >= 0
        && layout.paddedCount(of: shape) * elementType.size <= storage.byteCount - byteOffset,
      "a \(shape) tensor does not fit its storage")
    self.elementType = elementType
    self.shape = shape
    self.layout = layout
    self.storage = storage
    self.byteOffset = byteOffset
  }

  /// A tensor that owns a copy of these elements, given in row-major order.
  ///
  /// - Precondition: there are exactly as many elements as the shape has places.
  public init<E: Element>(_ elements: some Collection<E>, shape: Shape) {
    precondition(elements.count == shape.elementCount, "\(elements.count) elements, \(shape)")
    self = Tensor(E.self, shape: shape) { buffer in _ = buffer.initialize(from: elements) }
  }

  /// A tensor whose elements `body` writes, all of them, in row-major order.
  public init<E: Element>(
    _ type: E.Type, shape: Shape, initializing body: (UnsafeMutableBufferPointer<E>) throws -> Void
  ) rethrows {
    let storage = Storage(byteCount: shape.elementCount * MemoryLayout<E>.stride)
    let base = storage.base.bindMemory(to: E.self, capacity: shape.elementCount)
    try body(UnsafeMutableBufferPointer(start: base, count: shape.elementCount))
    self.init(E.elementType, shape, storage: storage)
  }

  /// A vector of these elements.
  public init<E: Element>(_ elements: [E]) { self.init(elements, shape: [elements.count]) }

  /// A tensor of no dimensions.
  public init<E: Element>(scalar: E) { self.init([scalar], shape: []) }

  /// A tensor that has the same element everywhere.
  public init<E: Element>(repeating element: E, shape: Shape) {
    self.init(E.self, shape: shape) { $0.initialize(repeating: element) }
  }

  /// Elements in the tensor, without padding.
  public var elementCount: Int { shape.elementCount }

  /// The first byte of the first element; valid while the storage lives.
  public var address: UnsafeMutableRawPointer { storage.base + byteOffset }

  /// Bytes of the elements, padding included.
  public var byteCount: Int { layout.paddedCount(of: shape) * elementType.size }

  /// Calls `body` with the elements in memory order, padding included.
  ///
  /// Elements that a file left unaligned are copied first.
  ///
  /// - Precondition: `E` is the Swift type of `elementType`.
  public func withElements<E: Element, Failure: Error, Result: ~Copyable>(
    as type: E.Type = E.self, _ body: (UnsafeBufferPointer<E>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(E.elementType == elementType, "\(elementType) elements read as \(E.self)")
    let count = layout.paddedCount(of: shape)
    let aligned = Int(bitPattern: address) % MemoryLayout<E>.alignment == 0
    let source = aligned ? self : aligningCopy()
    defer { withExtendedLifetime(source.storage) {} }
    let elements = source.address.assumingMemoryBound(to: E.self)
    return try body(UnsafeBufferPointer(start: elements, count: count))
  }

  /// The elements in row-major order.
  ///
  /// - Precondition: `E` is the Swift type of `elementType` and the layout is row-major.
  public func elements<E: Element>(as type: E.Type = E.self) -> [E] {
    precondition(layout == .rowMajor, "a \(layout) tensor read in row-major order")
    return withElements(as: type) { Array($0) }
  }

  /// Whether no other tensor shares the storage, so that its elements may be overwritten.
  public mutating func isOnlyOneOfStorage() -> Bool { isKnownUniquelyReferenced(&storage) }

  /// The same elements under another shape.
  ///
  /// - Precondition: the shape has as many places and the layout is row-major.
  public func reshaped(to shape: Shape) -> Tensor {
    precondition(shape.elementCount == elementCount && layout == .rowMajor, "\(self) to \(shape)")
    return Tensor(elementType, shape, storage: storage, byteOffset: byteOffset)
  }

  /// The rows `range` of the outermost dimension, sharing the storage.
  ///
  /// - Precondition: the tensor has these rows.
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(shape.rank > 0 && range.upperBound <= shape[0])
    let row = Shape([1] + shape.dimensions.dropFirst())
    return Tensor(
      elementType, Shape([range.count] + shape.dimensions.dropFirst()), layout: layout,
      storage: storage,
      byteOffset: byteOffset + range.lowerBound * layout.paddedCount(of: row) * elementType.size)
  }

  private func aligningCopy() -> Tensor {
    let copy = Storage(byteCount: byteCount)
    copy.base.copyMemory(from: address, byteCount: byteCount)
    return Tensor(elementType, shape, layout: layout, storage: copy)
  }
}

extension Tensor: CustomStringConvertible {
  /// Shape and element type, as in `1x3x224x224 float32`.
  public var description: String { "\(shape) \(elementType)" }
}
