package import Tensors

extension Workspace {
  /// A tensor with the one element of `value` everywhere.
  package func filled(_ shape: Shape, with value: Tensor) -> Tensor {
    gathered(value, strides: shape.map { _ in 0 }, shape: shape)
  }

  /// `x` in a frame of `value`s: `begins` and `ends` elements before and after each dimension, cut off
  /// where they are negative.
  ///
  /// - Precondition: `value` has one element of the type of `x`, and no extent becomes negative.
  package func pad(_ x: Tensor, begins: [Int], ends: [Int], with value: Tensor) -> Tensor {
    let shape = Shape(x.shape.indices.map { x.shape[$0] + begins[$0] + ends[$0] })
    let result = filled(shape, with: value)
    let kept = x.shape.indices.map { axis in
      max(0, x.shape[axis] + min(0, begins[axis]) + min(0, ends[axis]))
    }
    guard !kept.contains(0) else { return result }
    let size = x.elementType.size
    let from = zip(begins, x.shape.strides).reduce(0) { $0 + max(0, -$1.0) * $1.1 }
    let to = zip(begins, shape.strides).reduce(0) { $0 + max(0, $1.0) * $1.1 }
    StridedCopy(kept, sourceStrides: x.shape.strides, targetStrides: shape.strides).run(
      from: x.address + from * size, to: result.address + to * size, elementSize: size)
    withExtendedLifetime(x) {}
    return result
  }
}
