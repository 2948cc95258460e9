package import Attribution
package import Graphs
package import Tensors

/// How inputs of a model become points of a function of one of its layers. Belongs to one thread.
package final class LayerPoints {
  /// Whether the layer is zero where the input is, whatever the sample.
  package let isZeroAtZero: Bool

  /// The type and shape of the layer's value for one sample.
  package let elementType: ElementType
  package let valueShape: Shape

  /// The model's other inputs, by their places, that differ from sample to sample.
  package typealias Others = ModelFunction.Others

  /// The index of the input that samples are.
  let input: Int
  /// The places of the other inputs that the layer depends on.
  private let read: Set<Int>
  private let compute: (Tensor, Others) throws(ModelError) -> Tensor
  private var baselines: [Int: (input: Tensor, others: Others, value: Tensor)] = [:]

  /// - Parameters:
  ///   - input: the index of the input that samples are.
  ///   - zeros: an input of zeros, a batch of one.
  ///   - others: for a sample the model's other inputs that differ from sample to sample and that the
  ///     layer depends on.
  ///   - compute: the layer's value for an input, a batch of one, and for those.
  /// - Throws: what `compute` throws for zeros.
  package init(
    input: Int, zeros: Tensor, others: Others = [:],
    compute: @escaping (Tensor, Others) throws(ModelError) -> Tensor
  ) throws(ModelError) {
    let origin = try compute(zeros, others)
    self.input = input
    read = Set(others.keys)
    self.compute = compute
    elementType = origin.elementType
    valueShape = origin.shape
    isZeroAtZero = origin.isZero && others.isEmpty
  }

  /// The layer's value for an input.
  ///
  /// - Throws: `ModelError` if a node fails, or if the value is of another shape or not finite.
  func point(_ input: Tensor, _ others: Others) throws(ModelError) -> Tensor {
    let value = try compute(input, others.filter { read.contains($0.key) })
    guard value.shape == valueShape else {
      throw ModelError("its layer is \(value.shape), that of other inputs \(valueShape)")
    }
    guard value.isFinite else { throw ModelError("its layer holds numbers that are not finite") }
    return value
  }

  /// The layer's value for a baseline, computed anew only where it is not that of the sample before.
  ///
  /// - Parameter number: its place among the sample's baselines.
  package func baseline(
    _ number: Int, _ input: Tensor, _ others: Others = [:]
  ) throws(ModelError) -> Tensor {
    if let known = baselines[number], known.input.hasElements(of: input),
      read.allSatisfy({ index in
        guard let known = known.others[index], let other = others[index] else { return false }
        return known.hasElements(of: other)
      })
    {
      return known.value
    }
    let value = try point(input, others)
    baselines[number] = (input, others, value)
    return value
  }
}

extension Tensor {
  /// Whether another row-major tensor is the same bit for bit.
  package func hasElements(of other: Tensor) -> Bool {
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
