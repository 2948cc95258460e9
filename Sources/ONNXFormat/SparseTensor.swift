import Graphs
import Tensors

extension Tensor {
  /// The dense form of a sparse tensor: zeros but for `values` at `indices`, which are places in
  /// row-major order or, in two dimensions, one row of coordinates per value.
  /// <https://onnx.ai/onnx/api/classes.html#sparsetensorproto>
  ///
  /// - Throws: `ModelError` if an index lies outside or the dense tensor would exceed 1 GiB.
  init(
    sparse values: Tensor, at indices: Tensor, dimensions: [Int], name: String
  ) throws(ModelError) {
    func refuse(_ reason: String) -> ModelError { ModelError("sparse tensor '\(name)': \(reason)") }
    guard let shape = Shape(checking: dimensions),
      shape.elementCount <= (1 << 30) / values.elementType.size
    else { throw refuse("\(dimensions) are no extents of a tensor that fits in 1 GiB") }
    guard values.shape.rank == 1, indices.elementType == .int64 else {
      throw refuse("the values must be a vector and the indices int64")
    }
    let count = values.elementCount
    let isLinear = indices.shape == [count]
    guard isLinear || indices.shape == [count, shape.rank] else {
      throw refuse("indices of shape \(indices.shape) do not fit \(count) values")
    }
    let numbers = indices.elements(as: Int64.self).map(Int.init)
    let strides = shape.strides
    let size = values.elementType.size
    let storage = Storage(byteCount: shape.elementCount * size)
    storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: storage.byteCount)
    for item in 0..<count {
      let coordinates =
        isLinear ? [numbers[item]] : Array(numbers[(item * shape.rank)..<((item + 1) * shape.rank)])
      let extents = isLinear ? [shape.elementCount] : shape.dimensions
      guard zip(coordinates, extents).allSatisfy({ $0 >= 0 && $0 < $1 }) else {
        throw refuse("index \(coordinates) lies outside \(shape)")
      }
      let place =
        isLinear ? coordinates[0] : zip(coordinates, strides).reduce(0) { $0 + $1.0 * $1.1 }
      (storage.base + place * size).copyMemory(from: values.address + item * size, byteCount: size)
    }
    self.init(values.elementType, shape, storage: storage)
  }
}
