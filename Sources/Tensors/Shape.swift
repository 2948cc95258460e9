/// The extents of a tensor, outermost dimension first. A scalar has none.
public struct Shape: Hashable, Sendable {
  /// One extent per dimension; none is negative.
  public let dimensions: [Int]

  /// Elements in a tensor of this shape; 1 for a scalar, 0 if any extent is 0.
  public let elementCount: Int

  /// The shape with these extents, or nil if one is negative or their product overflows, extents of
  /// 0 left out: strides are always representable.
  public init?(checking dimensions: [Int]) {
    var product = 1
    for extent in dimensions where extent != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow else { return nil }
      product = next
    }
    self.dimensions = dimensions
    self.elementCount = dimensions.contains(0) ? 0 : product
  }

  /// The shape with these extents, which are known to be sound.
  ///
  /// - Precondition: no extent is negative and the product does not overflow. Extents that come
  ///   from a file or a user go through `init(checking:)`.
  public init(_ dimensions: [Int]) {
    guard let shape = Shape(checking: dimensions) else {
      preconditionFailure("\(dimensions) is not a shape")
    }
    self = shape
  }

  /// The number of dimensions.
  public var rank: Int { dimensions.count }

  /// Elements to skip for a step of one along each dimension in row-major order.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * dimensions[axis + 1]
    }
    return strides
  }

  /// The shape that both operands of an elementwise operator are stretched to, or nil if they do
  /// not agree. Rule: <https://onnx.ai/onnx/repo-docs/Broadcasting.html>.
  public static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
    let rank = Swift.max(a.rank, b.rank)
    var result = [Int](repeating: 1, count: rank)
    for back in 1..<(rank + 1) {
      let x = back <= a.rank ? a.dimensions[a.rank - back] : 1
      let y = back <= b.rank ? b.dimensions[b.rank - back] : 1
      guard x == y || x == 1 || y == 1 else { return nil }
      result[rank - back] = x == 1 ? y : x
    }
    return Shape(checking: result)
  }
}

extension Shape: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { dimensions.count }
  public subscript(axis: Int) -> Int { dimensions[axis] }
}

extension Shape: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: Int...) { self.init(elements) }
}

extension Shape: CustomStringConvertible {
  /// Extents joined by `x`; `scalar` where there are none.
  public var description: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "x")
  }
}
