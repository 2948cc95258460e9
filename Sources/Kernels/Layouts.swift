import CDNNL
package import Tensors

extension Workspace {
  /// The same tensor with its elements in row-major order; itself where they are already.
  package func rowMajor(_ x: Tensor) -> Tensor {
    guard x.layout != .rowMajor else { return x }
    if let result = try? reordered(x, to: .rowMajor) { return result }
    return copiedToRowMajor(x)
  }

  /// The same float32 or bfloat16 tensor in another layout; itself where it is in it already.
  func reordered(_ x: Tensor, to layout: Layout) throws(KernelError) -> Tensor {
    guard x.layout != layout else { return x }
    guard x.elementType == .float32 || x.elementType == .bfloat16, 3...5 ~= x.shape.rank else {
      throw KernelError("\(x) has no layout but the row-major one")
    }
    let result = tensor(x.elementType, x.shape, layout: layout)
    guard x.elementCount > 0 else { return result }
    let reorder = try primitives.primitive(
      Reorder(
        dimensions: x.shape.dimensions, isNarrow: x.elementType == .bfloat16, from: x.layout,
        to: layout))
    let clock = ContinuousClock()
    let start = clock.now
    try primitives.execute(reorder, [x.address, result.address])
    reorderSeconds += (clock.now - start) / .seconds(1)
    return result
  }

  private func copiedToRowMajor(_ x: Tensor) -> Tensor {
    let block: Int
    switch x.layout {
    case .rowMajor: return x
    case .bits(let order): return rowMajor(unpacked(x, order))
    case .channelsLast: block = x.shape[1]
    case .blockedChannels(let channels): block = channels
    }
    let result = tensor(x.elementType, x.shape)
    let (batch, channels) = (x.shape[0], x.shape[1])
    let pixels = x.shape.dropFirst(2).reduce(1, *)
    let blocks = (channels + block - 1) / block
    let size = x.elementType.size
    parallel(batch * channels, grain: 1) { rows in
      for row in rows {
        let (sample, channel) = (row / channels, row % channels)
        let first = (sample * blocks + channel / block) * pixels * block + channel % block
        for pixel in 0..<pixels {
          (result.address + (row * pixels + pixel) * size)
            .copyMemory(from: x.address + (first + pixel * block) * size, byteCount: size)
        }
      }
    }
    return result
  }
}

extension Tensor {
  /// Copies the elements to a tensor of the same shape, type and layout that is being made.
  func copyElements(to target: Tensor) {
    parallel(byteCount, grain: 1 << 18) { range in
      (target.address + range.lowerBound)
        .copyMemory(from: address + range.lowerBound, byteCount: range.count)
    }
  }
}

private struct Reorder: PrimitiveDescription {
  let dimensions: [Int]
  let isNarrow: Bool
  let from: Layout
  let to: Layout

  var title: String { "change of layout" }

  func compile(on engine: OpaquePointer, into primitive: inout OpaquePointer?) -> Int32 {
    cdnnl_reorder_create(
      engine, Int32(dimensions.count), dimensions, isNarrow, from.forOneDNN, to.forOneDNN,
      &primitive)
  }
}
