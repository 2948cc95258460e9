package import Tensors

/// Elements of a tensor at regular steps: per dimension the first, the step and how many.
package struct Stepping: Hashable, Sendable {
  package let starts: [Int]
  /// Signed, never 0.
  package let steps: [Int]
  /// The shape of the selection.
  package let shape: Shape

  package init(starts: [Int], steps: [Int], shape: Shape) {
    self.starts = starts
    self.steps = steps
    self.shape = shape
  }

  /// Whether every element that is selected lies in a tensor of this shape.
  package func fits(_ whole: Shape) -> Bool {
    guard starts.count == whole.rank, steps.count == whole.rank, shape.rank == whole.rank else {
      return false
    }
    return whole.indices.allSatisfy { axis in
      guard shape[axis] > 0 else { return true }
      let (distance, overflow) = steps[axis].multipliedReportingOverflow(by: shape[axis] - 1)
      let (last, overflows) = starts[axis].addingReportingOverflow(distance)
      let extent = 0..<whole[axis]
      return !overflow && !overflows && extent.contains(starts[axis]) && extent.contains(last)
    }
  }

  fileprivate func offset(in whole: Shape) -> Int {
    shape.contains(0) ? 0 : zip(starts, whole.strides).reduce(0) { $0 + $1.0 * $1.1 }
  }

  fileprivate func strides(in whole: Shape) -> [Int] {
    zip(whole.strides, zip(steps, shape)).map { $1.1 > 1 ? $0 * $1.0 : 0 }
  }
}

extension Workspace {
  /// The elements that `stepping` selects.
  package func slice(_ x: Tensor, _ stepping: Stepping) throws(KernelError) -> Tensor {
    guard stepping.fits(x.shape) else { throw KernelError("the slice does not lie in \(x.shape)") }
    return gathered(
      x, offset: stepping.offset(in: x.shape), strides: stepping.strides(in: x.shape),
      shape: stepping.shape)
  }

  /// Zeros of `shape` with `x` at the places that `stepping` selects.
  package func unslice(
    _ x: Tensor, _ stepping: Stepping, in shape: Shape
  ) throws(KernelError) -> Tensor {
    guard stepping.fits(shape), stepping.shape == x.shape else {
      throw KernelError("\(x.shape) is not a slice of \(shape)")
    }
    let result = zeros(x.elementType, shape)
    let size = x.elementType.size
    StridedCopy(
      x.shape.dimensions, sourceStrides: x.shape.strides,
      targetStrides: stepping.strides(in: shape)
    ).run(
      from: x.address, to: result.address + stepping.offset(in: shape) * size, elementSize: size)
    withExtendedLifetime(x) {}
    return result
  }
}
