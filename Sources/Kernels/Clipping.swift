package import Tensors

extension Workspace {
  /// Every element brought into the range between two scalars; a bound that is nil does not bind.
  package func clip(
    _ x: Tensor, minimum: Tensor?, maximum: Tensor?
  ) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32: try clip(x, minimum, maximum, Float.self)
    case .float64: try clip(x, minimum, maximum, Double.self)
    case .int8: try clip(x, minimum, maximum, Int8.self)
    case .int16: try clip(x, minimum, maximum, Int16.self)
    case .int32: try clip(x, minimum, maximum, Int32.self)
    case .int64: try clip(x, minimum, maximum, Int64.self)
    case .uint8: try clip(x, minimum, maximum, UInt8.self)
    case .uint16: try clip(x, minimum, maximum, UInt16.self)
    case .uint32: try clip(x, minimum, maximum, UInt32.self)
    case .uint64: try clip(x, minimum, maximum, UInt64.self)
    case .bool, .float16, .bfloat16: throw Self.undefined(x.elementType)
    }
  }

  /// The elements of `dy` where those of `x` lie in the range, bounds included, and 0 elsewhere.
  package func clipGradient(
    _ dy: Tensor, _ x: Tensor, minimum: Tensor?, maximum: Tensor?
  ) throws(KernelError) -> Tensor {
    switch x.elementType {
    case .float32: try clipGradient(dy, x, minimum, maximum, Float.self)
    case .float64: try clipGradient(dy, x, minimum, maximum, Double.self)
    default: throw Self.undefined(x.elementType)
    }
  }

  private func clip<E: ArithmeticElement>(
    _ x: Tensor, _ minimum: Tensor?, _ maximum: Tensor?, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    let lower = try scalar(minimum, type) ?? E.least
    let upper = try scalar(maximum, type) ?? E.greatest
    return map(x) { (span: Span<E>, x) in
      span.fill(x) { E.smaller(E.larger($0, lower), upper) }
    }
  }

  private func clipGradient<E: RealElement>(
    _ dy: Tensor, _ x: Tensor, _ minimum: Tensor?, _ maximum: Tensor?, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    let lower = try scalar(minimum, type) ?? E.least
    let upper = try scalar(maximum, type) ?? E.greatest
    return try combine(dy, x) { (span: Span<E>, dy, x) in
      span.fill(dy, x) { dy, x in x >= lower && x <= upper ? dy : 0 }
    }
  }

  private func scalar<E: NumericElement>(
    _ tensor: Tensor?, _ type: E.Type
  ) throws(KernelError) -> E? {
    guard let tensor else { return nil }
    guard tensor.elementCount == 1, tensor.elementType == E.elementType else {
      throw KernelError("a bound must be one \(E.elementType), not \(tensor)")
    }
    return rowMajor(tensor).withElements(as: E.self) { $0[0] }
  }
}
