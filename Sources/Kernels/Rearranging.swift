package import Tensors

extension Workspace {
  /// The elements of each matrix on and above the diagonal `k`, or on and below it, among zeros.
  ///
  /// - Precondition: `x` has two dimensions or more.
  package func triangle(_ x: Tensor, diagonal k: Int, upper: Bool) -> Tensor {
    let result = zeros(x.elementType, x.shape)
    let (rows, columns) = (x.shape[x.shape.rank - 2], x.shape[x.shape.rank - 1])
    guard x.elementCount > 0 else { return result }
    let size = x.elementType.size
    for row in 0..<(x.elementCount / columns) {
      let (distance, overflow) = (row % rows).addingReportingOverflow(k)
      let first = overflow ? columns : min(max(distance, 0), columns)
      let edge = overflow ? columns : min(max(distance + (upper ? 0 : 1), 0), columns)
      let kept = upper ? first..<columns : 0..<edge
      let offset = (row * columns + kept.lowerBound) * size
      (result.address + offset).copyMemory(from: x.address + offset, byteCount: kept.count * size)
    }
    return result
  }

  /// `shape` filled with the first of two `values`; the second stands where the coordinate along
  /// `axis` is the index at its other coordinates. Indices out of range stand nowhere.
  ///
  /// - Parameter indices: int64, of the shape without that dimension.
  package func oneHot(_ indices: [Int64], _ shape: Shape, axis: Int, values: Tensor) -> Tensor {
    let size = values.elementType.size
    let result = filled(shape, with: values.rows(0..<1))
    let (depth, inner) = (shape[axis], shape.dropFirst(axis + 1).reduce(1, *))
    for (place, index) in indices.enumerated() where (0..<Int64(depth)).contains(index) {
      let (outer, offset) = place.quotientAndRemainder(dividingBy: inner)
      (result.address + ((outer * depth + Int(index)) * inner + offset) * size)
        .copyMemory(from: values.address + size, byteCount: size)
    }
    return result
  }

  /// `x` with the first `lengths[i]` steps of its sequence `i` in reverse order.
  ///
  /// - Precondition: time and batch are the first two dimensions in either order, and there is one
  ///   length per sequence, none longer than the time.
  package func reverseSequences(_ x: Tensor, lengths: [Int], timeAxis: Int) -> Tensor {
    let result = tensor(x.elementType, x.shape)
    let slice = x.shape.dropFirst(2).reduce(1, *) * x.elementType.size
    for (sequence, length) in lengths.enumerated() {
      for time in 0..<x.shape[timeAxis] {
        let source = time < length ? length - 1 - time : time
        let place = { (time: Int) in
          (timeAxis == 0 ? time * lengths.count + sequence : sequence * x.shape[1] + time) * slice
        }
        (result.address + place(time)).copyMemory(
          from: x.address + place(source), byteCount: slice)
      }
    }
    return result
  }
}
