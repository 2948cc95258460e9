package import Tensors

/// What becomes of an element where an update is scattered to it.
package enum ScatterReduction: String, Sendable {
  case none, add, mul, max, min
}

extension Workspace {
  /// `x` with `updates` combined into the elements whose coordinate along `axis` is what `indices`
  /// holds at their place, one after the other.
  ///
  /// - Precondition: `indices` and `updates` have one shape, of the rank of `x`, and are nowhere
  ///   longer than it, `axis` aside.
  package func scatterElements(
    _ x: Tensor, _ indices: Tensor, _ updates: Tensor, axis: Int, _ reduction: ScatterReduction
  ) throws(KernelError) -> Tensor {
    let places = try elementPlaces(indices, axis: axis, in: x.shape)
    return try scatter(updates, to: places, of: x, reduction)
  }

  /// `x` with slices of `updates` combined into those that begin at the coordinates in the last
  /// dimension of `indices`, one after the other; the first `batchDimensions` are shared by all.
  ///
  /// - Precondition: the shapes agree as the operator checks.
  package func scatterND(
    _ x: Tensor, _ indices: Tensor, _ updates: Tensor, _ reduction: ScatterReduction,
    batchDimensions: Int = 0
  ) throws(KernelError) -> Tensor {
    let places = try slicePlaces(indices, batchDimensions: batchDimensions, in: x.shape)
    return try scatter(updates, to: places, of: x, reduction)
  }

  private func scatter(
    _ updates: Tensor, to places: [Int], of x: Tensor, _ reduction: ScatterReduction
  ) throws(KernelError) -> Tensor {
    switch (reduction, x.elementType) {
    case (.none, _): return replace(updates, at: places, of: x)
    case (_, .float32): return combine(updates, at: places, of: x, Self.float(reduction))
    case (_, .float64): return combine(updates, at: places, of: x, Self.double(reduction))
    case (_, .int64): return combine(updates, at: places, of: x, Self.integer(reduction))
    case (_, .bool), (_, .uint64), (_, .float16), (_, .bfloat16):
      throw KernelError("reduction \(reduction.rawValue) is not supported for \(x.elementType)")
    default:
      let wide = combine(
        updates.converted(to: .int64), at: places, of: x.converted(to: .int64),
        Self.integer(reduction))
      return wide.converted(to: x.elementType)
    }
  }

  private func copy(_ x: Tensor) -> Tensor {
    let result = tensor(x.elementType, x.shape)
    result.address.copyMemory(from: x.address, byteCount: x.byteCount)
    return result
  }

  private func replace(_ updates: Tensor, at places: [Int], of x: Tensor) -> Tensor {
    let result = copy(x)
    guard updates.elementCount > 0 else { return result }
    let bytes = updates.byteCount / places.count
    for (index, place) in places.enumerated() {
      (result.address + place * x.elementType.size).copyMemory(
        from: updates.address + index * bytes, byteCount: bytes)
    }
    return result
  }

  private func combine<E: NumericElement>(
    _ updates: Tensor, at places: [Int], of x: Tensor, _ combine: (E, E) -> E
  ) -> Tensor {
    let result = copy(x)
    guard updates.elementCount > 0 else { return result }
    let target = result.address.assumingMemoryBound(to: E.self)
    let slice = updates.elementCount / places.count
    updates.withElements(as: E.self) { source in
      for (index, place) in places.enumerated() {
        for element in 0..<slice {
          target[place + element] = combine(
            target[place + element], source[index * slice + element])
        }
      }
    }
    return result
  }

  private static func float(_ reduction: ScatterReduction) -> (Float, Float) -> Float {
    switch reduction {
    case .none: { $1 }
    case .add: { $0 + $1 }
    case .mul: { $0 * $1 }
    case .max: { $0 < $1 || $1.isNaN ? $1 : $0 }
    case .min: { $0 > $1 || $1.isNaN ? $1 : $0 }
    }
  }

  private static func double(_ reduction: ScatterReduction) -> (Double, Double) -> Double {
    switch reduction {
    case .none: { $1 }
    case .add: { $0 + $1 }
    case .mul: { $0 * $1 }
    case .max: { $0 < $1 || $1.isNaN ? $1 : $0 }
    case .min: { $0 > $1 || $1.isNaN ? $1 : $0 }
    }
  }

  private static func integer(_ reduction: ScatterReduction) -> (Int64, Int64) -> Int64 {
    switch reduction {
    case .none: { $1 }
    case .add: { $0 &+ $1 }
    case .mul: { $0 &* $1 }
    case .max: { Swift.max($0, $1) }
    case .min: { Swift.min($0, $1) }
    }
  }
}
