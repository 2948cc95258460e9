package import Tensors

extension Workspace {
  /// `x` with its dimensions reordered: dimension i of the result is `permutation[i]` of `x`.
  ///
  /// - Precondition: `permutation` holds every dimension of `x` once and `x` is row-major.
  package func transpose(_ x: Tensor, by permutation: [Int]) -> Tensor {
    let strides = x.shape.strides
    return gathered(
      x, strides: permutation.map { strides[$0] }, shape: Shape(permutation.map { x.shape[$0] }))
  }
}
