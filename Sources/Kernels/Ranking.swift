package import Tensors

extension Workspace {
  /// The `count` largest or smallest elements along `axis`, in order, and where they are (int64).
  /// Of equal elements the first comes first; a NaN counts as larger than any number.
  ///
  /// - Precondition: `count` is at most the extent along `axis`.
  package func topK(
    _ x: Tensor, axis: Int, count: Int, largest: Bool
  ) throws(KernelError) -> (values: Tensor, indices: Tensor) {
    switch x.elementType {
    case .float32: topK(x, axis, count, largest, of: Float.self)
    case .float64: topK(x, axis, count, largest, of: Double.self)
    case .int8: topK(x, axis, count, largest, of: Int8.self)
    case .int16: topK(x, axis, count, largest, of: Int16.self)
    case .int32: topK(x, axis, count, largest, of: Int32.self)
    case .int64: topK(x, axis, count, largest, of: Int64.self)
    case .uint8: topK(x, axis, count, largest, of: UInt8.self)
    case .uint16: topK(x, axis, count, largest, of: UInt16.self)
    case .uint32: topK(x, axis, count, largest, of: UInt32.self)
    case .uint64: topK(x, axis, count, largest, of: UInt64.self)
    case .float16, .bfloat16, .bool:
      throw KernelError("\(x.elementType) elements are not ranked")
    }
  }

  private func topK<E: NumericElement>(
    _ x: Tensor, _ axis: Int, _ count: Int, _ largest: Bool, of type: E.Type
  ) -> (values: Tensor, indices: Tensor) {
    var dimensions = x.shape.dimensions
    dimensions[axis] = count
    let (extent, shape) = (x.shape[axis], Shape(dimensions))
    let inner = shape.dropFirst(axis + 1).reduce(1, *)
    let (values, indices) = (tensor(E.elementType, shape), tensor(.int64, shape))
    let valueTarget = values.address.assumingMemoryBound(to: E.self)
    let indexTarget = indices.address.assumingMemoryBound(to: Int64.self)
    let exceeds = { (a: E, b: E) in a > b || (a != a && b == b) }
    x.withElements(as: E.self) { source in
      for row in 0..<(count == 0 ? 0 : shape.elementCount / count) {
        let (outer, offset) = row.quotientAndRemainder(dividingBy: inner)
        let element = { (index: Int) in source[(outer * extent + index) * inner + offset] }
        let ranked = (0..<extent).sorted { a, b in
          let (x, y) = (element(a), element(b))
          if largest ? exceeds(x, y) : exceeds(y, x) { return true }
          if largest ? exceeds(y, x) : exceeds(x, y) { return false }
          return a < b
        }
        for (rank, index) in ranked.prefix(count).enumerated() {
          let place = (outer * count + rank) * inner + offset
          valueTarget[place] = element(index)
          indexTarget[place] = Int64(index)
        }
      }
    }
    return (values, indices)
  }
}
