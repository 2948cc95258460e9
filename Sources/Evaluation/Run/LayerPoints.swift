import Attribution
package import Graphs
package import Tensors

/// How inputs of a model become points of a function of one of its layers. Belongs to one thread.
package final class LayerPoints {
  /// Whether the layer is zero where the input is.
  package let isZeroAtZero: Bool

  /// The type and shape of the layer's value for one sample.
  package let elementType: ElementType
  package let valueShape: Shape

  private let input: Int
  private let compute: (Tensor) throws(ModelError) -> Tensor
  private var baselines: [Int: (input: Tensor, value: Tensor)] = [:]

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

  /// The layer's value for a baseline, computed anew only where it is not that of the sample before.
  ///
  /// - Parameter number: its place among the sample's baselines.
  package func baseline(_ number: Int, _ input: Tensor) throws(ModelError) -> Tensor {
    if let known = baselines[number], known.input.hasElements(of: input) { return known.value }
    let value = try point(input)
    baselines[number] = (input, value)
    return value
  }

  /// Sees to it that what the scores take beside the layer's value is that of an input.
  func hold(_ tensor: Tensor, _ function: ModelFunction) { function.hold(input, at: tensor) }
}

extension Tensor {
  /// Whether another row-major tensor is the same bit for bit.
  fileprivate func hasElements(of other: Tensor) -> Bool {
    guard elementType == other.elementType, shape == other.shape else { return false }
    defer {
      withExtendedLifetime(storage) {}
      withExtendedLifetime(other.storage) {}
    }
    return address == other.address
      || UnsafeRawBufferPointer(start: address, count: byteCount)
        .elementsEqual(UnsafeRawBufferPointer(start: other.address, count: other.byteCount))
  }
}
