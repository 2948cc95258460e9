package import Tensors

extension Workspace {
  /// The sum of tensors of one shape and floating-point type, in their layout if they share one.
  package func sum(_ terms: [Tensor]) throws(KernelError) -> Tensor {
    guard let first = terms.first else { throw KernelError("a sum needs at least one term") }
    guard terms.allSatisfy({ $0.shape == first.shape && $0.elementType == first.elementType })
    else {
      throw KernelError("the terms of a sum differ in shape or type")
    }
    let shared = terms.allSatisfy { $0.layout == first.layout }
    let operands = shared ? terms : terms.map(rowMajor)
    return switch first.elementType {
    case .float32: sum(operands, of: Float.self)
    case .float64: sum(operands, of: Double.self)
    default: throw KernelError("a sum of gradients is not defined for \(first.elementType)")
    }
  }

  private func sum<E: NumericElement>(_ terms: [Tensor], of type: E.Type) -> Tensor {
    let result = tensor(E.elementType, terms[0].shape, layout: terms[0].layout)
    let count = result.byteCount / MemoryLayout<E>.stride
    let target = result.address.bindMemory(to: E.self, capacity: count)
    let sources = terms.map { $0.address.assumingMemoryBound(to: E.self) }
    parallel(count) { range in
      let (a, b) = (sources[0], sources[min(1, sources.count - 1)])
      if sources.count == 1 {
        for index in range { target[index] = a[index] }
      } else {
        for index in range { target[index] = a[index] + b[index] }
      }
      for source in sources.dropFirst(2) {
        for index in range { target[index] += source[index] }
      }
    }
    return result
  }

  /// `x` summed over the dimensions that broadcasting stretched `shape` along, giving that shape.
  package func sum(_ x: Tensor, to shape: Shape) throws(KernelError) -> Tensor {
    guard Shape.broadcast(x.shape, shape) == x.shape else {
      throw KernelError("\(x.shape) is not \(shape) stretched")
    }
    guard x.elementType.isFloatingPoint else {
      throw KernelError("a sum of gradients is not defined for \(x.elementType)")
    }
    let lead = x.shape.rank - shape.rank
    let stretched = x.shape.indices.filter { $0 < lead || shape[$0 - lead] != x.shape[$0] }
    return try reduce(.sum, x, axes: stretched, keepDimensions: true).reshaped(to: shape)
  }
}

extension Workspace {
  /// `x` repeated along the dimensions in which `shape` is longer, for any element type.
  package func stretch(_ x: Tensor, to shape: Shape) throws(KernelError) -> Tensor {
    guard Shape.broadcast(x.shape, shape) == shape else {
      throw KernelError("\(x.shape) cannot be stretched to \(shape)")
    }
    let x = rowMajor(x)
    if x.shape == shape { return x }
    return gathered(x, strides: x.shape.stretchedStrides(to: shape), shape: shape)
  }
}

extension Shape {
  /// Elements to skip in a row-major tensor of this shape for a step along each dimension of
  /// `shape`, to which it is stretched: 0 where it repeats.
  package func stretchedStrides(to shape: Shape) -> [Int] {
    let lead = shape.rank - rank
    let strides = strides
    return shape.indices.map { axis in
      axis < lead || self[axis - lead] == 1 ? 0 : strides[axis - lead]
    }
  }
}
