package import Tensors

/// A straight line along which gradients are summed.
package struct PathLine {
  /// The first point, as a batch of one row.
  package let start: Tensor
  /// The last one.
  package let end: Tensor

  package init(from start: Tensor, to end: Tensor) {
    self.start = start
    self.end = end
  }
}
