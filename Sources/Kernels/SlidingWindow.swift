/// A window that slides over the spatial dimensions of a tensor: what convolutions and poolings have
/// in common. Every list has one element per spatial dimension.
package struct SlidingWindow: Hashable, Sendable {
  package let kernel: [Int]
  package let strides: [Int]
  package let dilations: [Int]
  package let padsBegin: [Int]
  package let padsEnd: [Int]

  /// A window of these sizes.
  ///
  /// - Throws: if a list has another length than `kernel`, a size is not positive, a pad is
  ///   negative, or any of them or the span is beyond what 32 bits hold.
  package init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBegin: [Int]? = nil,
    padsEnd: [Int]? = nil
  ) throws(KernelError) {
    let ones = [Int](repeating: 1, count: kernel.count)
    let zeros = [Int](repeating: 0, count: kernel.count)
    self.kernel = try Self.checked(kernel, "kernel_shape", kernel.count, from: 1)
    self.strides = try Self.checked(strides ?? ones, "strides", kernel.count, from: 1)
    self.dilations = try Self.checked(dilations ?? ones, "dilations", kernel.count, from: 1)
    self.padsBegin = try Self.checked(padsBegin ?? zeros, "pads", kernel.count, from: 0)
    self.padsEnd = try Self.checked(padsEnd ?? zeros, "pads", kernel.count, from: 0)
    guard span.allSatisfy({ $0 <= Int(Int32.max) }) else {
      throw KernelError("kernel_shape \(kernel) with dilations \(self.dilations) spans too much")
    }
  }

  private static func checked(
    _ sizes: [Int], _ name: String, _ count: Int, from least: Int
  ) throws(KernelError) -> [Int] {
    guard sizes.count == count else {
      throw KernelError("\(name) \(sizes) should have one number per spatial dimension (\(count))")
    }
    guard sizes.allSatisfy({ $0 >= least && $0 <= Int(Int32.max) }) else {
      throw KernelError("\(name) \(sizes) should be at least \(least) and fit 32 bits")
    }
    return sizes
  }

  /// The extents that the window covers, its gaps included.
  package var span: [Int] { kernel.indices.map { (kernel[$0] - 1) * dilations[$0] + 1 } }

  /// The spatial extents of the output for an input of these.
  ///
  /// - Parameter roundsUp: whether a window that reaches beyond the padding counts. It must start
  ///   inside the input or the padding before it.
  /// - Throws: if the window is larger than the padded input.
  package func outputExtents(
    of input: [Int], roundsUp: Bool = false
  ) throws(KernelError) -> [Int] {
    guard input.count == kernel.count else {
      throw KernelError("a window of \(kernel.count) dimensions over an input of \(input.count)")
    }
    var output: [Int] = []
    for axis in input.indices {
      let (padded, overflow) = input[axis].addingReportingOverflow(
        padsBegin[axis] + padsEnd[axis])
      guard !overflow, padded >= span[axis] else {
        throw KernelError(
          "the window spans \(span[axis]), more than the padded input's \(padded), "
            + "in spatial dimension \(axis)")
      }
      let room = padded - span[axis]
      var count = room / strides[axis] + 1
      if roundsUp, room % strides[axis] > 0, count * strides[axis] < input[axis] + padsBegin[axis] {
        count += 1
      }
      output.append(count)
    }
    return output
  }
}
