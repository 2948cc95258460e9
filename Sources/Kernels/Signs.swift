import CDNNL
package import Tensors

extension Workspace {
  /// Which elements of `x` are positive: booleans as bits, in the order of `x`.
  package func signs(of x: Tensor) throws(KernelError) -> Tensor {
    let result = tensor(.bool, x.shape, layout: .bits(x.layout))
    let bits = result.address.assumingMemoryBound(to: UInt8.self)
    switch x.elementType {
    case .float32:
      x.withElements(as: Float.self) { elements in
        guard let base = elements.baseAddress else { return }
        forEachRun(of: elements.count) { range in
          cdnnl_signs(base + range.lowerBound, range.count, bits + range.lowerBound / 8)
        }
      }
    case .bfloat16:
      let base = x.address.assumingMemoryBound(to: UInt16.self)
      forEachRun(of: x.layout.paddedCount(of: x.shape)) { range in
        cdnnl_signs_narrow(base + range.lowerBound, range.count, bits + range.lowerBound / 8)
      }
    case .float64:
      x.withElements(as: Double.self) { elements in
        for byte in 0..<((elements.count + 7) / 8) {
          bits[byte] = (byte * 8..<min(byte * 8 + 8, elements.count)).reduce(0) { bits, place in
            bits | (elements[place] > 0 ? 1 << (place % 8) : 0)
          }
        }
      }
    default: throw Self.undefined(x.elementType)
    }
    return result
  }

  /// The sum of the terms where `signs`, as `signs(of:)` makes them, are set, 0 elsewhere.
  package func sum(
    of terms: [Tensor], where signs: Tensor
  ) throws(KernelError) -> Tensor {
    guard case .bits(let order) = signs.layout, let first = terms.first else {
      throw KernelError("signs should be bits")
    }
    var operands: [Tensor] = []
    for term in terms {
      operands.append(term.layout == order ? term : try reordered(term, to: order))
    }
    let result = tensor(over: operands[0])
    let bits = signs.address.assumingMemoryBound(to: UInt8.self)
    let count = order.paddedCount(of: signs.shape)
    switch first.elementType {
    case .float32:
      let target = result.address.bindMemory(to: Float.self, capacity: count)
      let sources = operands.map { $0.address.assumingMemoryBound(to: Float.self) }
      forEachRun(of: count) { range in
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: sources.count) {
          for (index, source) in sources.enumerated() {
            $0.initializeElement(at: index, to: UnsafePointer(source + range.lowerBound))
          }
          cdnnl_masked_sum(
            $0.baseAddress, Int32(sources.count), bits + range.lowerBound / 8, range.count,
            target + range.lowerBound)
        }
      }
    case .bfloat16:
      let target = result.address.assumingMemoryBound(to: UInt16.self)
      let sources = operands.map { $0.address.assumingMemoryBound(to: UInt16.self) }
      forEachRun(of: count) { range in
        withUnsafeTemporaryAllocation(of: UnsafePointer<UInt16>?.self, capacity: sources.count) {
          for (index, source) in sources.enumerated() {
            $0.initializeElement(at: index, to: UnsafePointer(source + range.lowerBound))
          }
          cdnnl_masked_sum_narrow(
            $0.baseAddress, Int32(sources.count), bits + range.lowerBound / 8, range.count,
            target + range.lowerBound)
        }
      }
    case .float64:
      let target = result.address.bindMemory(to: Double.self, capacity: count)
      let sources = operands.map { $0.address.assumingMemoryBound(to: Double.self) }
      for place in 0..<count {
        let isSet = bits[place / 8] >> (place % 8) & 1 == 1
        target[place] = isSet ? sources.reduce(0) { $0 + $1[place] } : 0
      }
    default: throw Self.undefined(first.elementType)
    }
    withExtendedLifetime((operands, signs)) {}
    return result
  }

  /// Booleans packed into bits, in row-major order; themselves where they are already.
  package func packed(_ x: Tensor) throws(KernelError) -> Tensor {
    if case .bits = x.layout { return x }
    let numbers = rowMajor(x).withElements(as: Bool.self) { $0.map { $0 ? 1 as Float : 0 } }
    return try signs(of: Tensor(numbers, shape: x.shape))
  }

  /// The booleans that were packed into bits, a byte each, in the order of `order`.
  func unpacked(_ x: Tensor, _ order: Layout) -> Tensor {
    let result = tensor(.bool, x.shape, layout: order)
    let bits = x.address.assumingMemoryBound(to: UInt8.self)
    let target = result.address.bindMemory(to: UInt8.self, capacity: result.byteCount)
    for place in 0..<result.byteCount { target[place] = bits[place / 8] >> (place % 8) & 1 }
    return result
  }

  /// Calls `body` on all threads with ranges that begin at whole bytes of bits.
  private func forEachRun(of count: Int, _ body: (Range<Int>) -> Void) {
    let granule = 512
    parallel((count + granule - 1) / granule, grain: 32) { runs in
      body(runs.lowerBound * granule..<min(runs.upperBound * granule, count))
    }
  }
}
