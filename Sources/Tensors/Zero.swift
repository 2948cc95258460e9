extension Tensor {
  /// Whether every element is zero. A floating-point -0 is, a NaN is not.
  public var isZero: Bool {
    switch elementType {
    case .float32: containsOnlyZeros(of: Float.self)
    case .float64: containsOnlyZeros(of: Double.self)
    case .float16: containsOnlyZeros(of: Float16.self)
    case .bfloat16: withElements(as: BFloat16.self) { $0.allSatisfy { $0.asFloat == 0 } }
    default: UnsafeRawBufferPointer(start: address, count: byteCount).allSatisfy { $0 == 0 }
    }
  }

  private func containsOnlyZeros<E: NumericElement>(of type: E.Type) -> Bool {
    withElements(as: E.self) { elements in elements.allSatisfy { $0 == E.zero } }
  }
}
