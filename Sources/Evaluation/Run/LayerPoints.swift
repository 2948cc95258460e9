import Attribution
package import Graphs
package import Tensors

/// How inputs of a model become points of a function of one of its layers. Belongs to one thread.
package struct LayerPoints {
  /// Whether the layer is zero where the input is.
  package let isZeroAtZero: Bool

  /// The type and shape of the layer's value for one sample.
  package let elementType: ElementType
  package let valueShape: Shape

  private let input: Int
  private let compute: (Tensor) throws(ModelError) -> Tensor

  /// - Parameters:
  ///   - input: the index of the input that samples are.
  ///   - zeros: an input of zeros, a batch of one.
  ///   - compute: the layer's value for an input, a batch of one.
  /// - Throws: what `compute` throws for zeros.
  package init(
    input: Int, zeros: Tensor, compute: @escaping (Tensor) throws(ModelError) -> Tensor
  ) throws(ModelError) {
    let origin = try compute(zeros)
    self.input = input
    self.compute = compute
    elementType = origin.elementType
    valueShape = origin.shape
    isZeroAtZero = origin.isZero
  }

  /// The layer's value for an input.
  ///
  /// - Throws: `ModelError` if a node fails, or if the value is of another shape or not finite.
  func point(_ input: Tensor) throws(ModelError) -> Tensor {
    let value = try compute(input)
    guard value.shape == valueShape else {
      throw ModelError("its layer is \(value.shape), that of other inputs \(valueShape)")
    }
    guard value.isFinite else { throw ModelError("its layer holds numbers that are not finite") }
    return value
  }

  /// Sees to it that what the scores take beside the layer's value is that of an input.
  func hold(_ tensor: Tensor, _ function: ModelFunction) { function.hold(input, at: tensor) }
}
