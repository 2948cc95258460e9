package import Tensors

/// A relation of two elements.
package enum Comparison: Hashable, Sendable {
  case equal, less, lessOrEqual, greater, greaterOrEqual
}

extension Workspace {
  /// Whether `relation` holds, element by element, between operands stretched to one shape.
  ///
  /// - Throws: if the types differ, if Booleans are ordered, or if the shapes do not broadcast.
  package func compare(
    _ relation: Comparison, _ a: Tensor, _ b: Tensor
  ) throws(KernelError) -> Tensor {
    guard a.elementType == b.elementType else {
      throw KernelError("operands are \(a.elementType) and \(b.elementType)")
    }
    let (a, b) = (rowMajor(a), rowMajor(b))
    return switch a.elementType {
    case .float32: try compare(relation, a, b, Float.self)
    case .float64: try compare(relation, a, b, Double.self)
    case .int8: try compare(relation, a, b, Int8.self)
    case .int16: try compare(relation, a, b, Int16.self)
    case .int32: try compare(relation, a, b, Int32.self)
    case .int64: try compare(relation, a, b, Int64.self)
    case .uint8: try compare(relation, a, b, UInt8.self)
    case .uint16: try compare(relation, a, b, UInt16.self)
    case .uint32: try compare(relation, a, b, UInt32.self)
    case .uint64: try compare(relation, a, b, UInt64.self)
    case .bool where relation == .equal:
      try combineRowMajor(a, b) { (span: Span<Bool>, a: Lane<Bool>, b: Lane<Bool>) in
        span.fill(a, b) { $0 == $1 }
      }
    case .bool, .float16, .bfloat16: throw Self.undefined(a.elementType)
    }
  }

  private func compare<E: NumericElement>(
    _ relation: Comparison, _ a: Tensor, _ b: Tensor, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    try combineRowMajor(a, b) { (span: Span<Bool>, a: Lane<E>, b: Lane<E>) in
      switch relation {
      case .equal: span.fill(a, b) { $0 == $1 }
      case .less: span.fill(a, b) { $0 < $1 }
      case .lessOrEqual: span.fill(a, b) { $0 <= $1 }
      case .greater: span.fill(a, b) { $0 > $1 }
      case .greaterOrEqual: span.fill(a, b) { $0 >= $1 }
      }
    }
  }
}

extension Workspace {
  /// Where the elements are not numbers.
  package func isNaN(_ x: Tensor) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32: mapRowMajor(x) { (span, x: UnsafePointer<Float>) in span.fill(x) { $0.isNaN } }
    case .float64: mapRowMajor(x) { (span, x: UnsafePointer<Double>) in span.fill(x) { $0.isNaN } }
    default: throw Self.undefined(x.elementType)
    }
  }

  /// Where the elements are infinite with one of the signs asked for.
  package func isInfinite(
    _ x: Tensor, positive: Bool, negative: Bool
  ) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32:
      mapRowMajor(x) { (span, x: UnsafePointer<Float>) in
        span.fill(x) { $0.isInfinite && ($0 > 0 ? positive : negative) }
      }
    case .float64:
      mapRowMajor(x) { (span, x: UnsafePointer<Double>) in
        span.fill(x) { $0.isInfinite && ($0 > 0 ? positive : negative) }
      }
    default: throw Self.undefined(x.elementType)
    }
  }
}
