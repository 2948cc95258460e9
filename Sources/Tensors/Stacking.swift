extension Tensor {
  /// The rows of all tensors, one after the other.
  ///
  /// - Precondition: there is one at least, all are of one type and layout, not bits, and
  ///   differ in their first extent only.
  public init(stacking tensors: [Tensor]) {
    let first = tensors[0]
    if case .bits = first.layout { preconditionFailure("bits stacked") }
    precondition(
      tensors.allSatisfy {
        $0.layout == first.layout && $0.elementType == first.elementType
          && $0.shape.dropFirst().elementsEqual(first.shape.dropFirst())
      }, "tensors of different types stacked")
    let storage = Storage(byteCount: tensors.reduce(0) { $0 + $1.byteCount })
    var offset = 0
    for tensor in tensors {
      (storage.base + offset).copyMemory(from: tensor.address, byteCount: tensor.byteCount)
      offset += tensor.byteCount
    }
    let rows = tensors.reduce(0) { $0 + ($1.shape.first ?? 1) }
    self.init(
      first.elementType, Shape([rows] + first.shape.dropFirst()), layout: first.layout,
      storage: storage)
  }
}
