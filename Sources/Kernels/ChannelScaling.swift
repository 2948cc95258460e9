package import Tensors

extension Workspace {
  /// x * scale + shift, with a number of each per channel (dimension 1), in the layout of `x`.
  package func scaledChannels(
    _ x: Tensor, by scale: [Double], shift: [Double]? = nil
  ) throws(KernelError) -> Tensor {
    guard x.shape.rank >= 2, scale.count == x.shape[1], (shift ?? scale).count == x.shape[1] else {
      throw KernelError("\(scale.count) scales for \(x.shape)")
    }
    let shift = shift ?? [Double](repeating: 0, count: scale.count)
    return switch (x.elementType, x.layout) {
    case (.float32, .blockedChannels(16)): scaledBlocks(x, scale, shift, SIMD16<Float>.self)
    case (.float32, .blockedChannels(8)): scaledBlocks(x, scale, shift, SIMD8<Float>.self)
    case (.float32, _): scaledPlanes(rowMajor(x), scale, shift, Float.self)
    case (.float64, _): scaledPlanes(rowMajor(x), scale, shift, Double.self)
    default: throw KernelError("\(x.elementType) channels cannot be scaled")
    }
  }

  private func scaledPlanes<E: BinaryFloatingPoint & NumericElement>(
    _ x: Tensor, _ scale: [Double], _ shift: [Double], _ type: E.Type
  ) -> Tensor {
    let result = tensor(x.elementType, x.shape)
    let target = result.address.bindMemory(to: E.self, capacity: x.elementCount)
    let size = x.shape.dropFirst(2).reduce(1, *)
    x.withElements(as: E.self) { source in
      parallel(x.shape[0] * scale.count, grain: max(16384 / max(size, 1), 1)) { planes in
        for plane in planes {
          let (factor, term) = (E(scale[plane % scale.count]), E(shift[plane % scale.count]))
          for place in plane * size..<(plane + 1) * size {
            target[place] = source[place] * factor + term
          }
        }
      }
    }
    return result
  }

  private func scaledBlocks<Block: SIMD>(
    _ x: Tensor, _ scale: [Double], _ shift: [Double], _ type: Block.Type
  ) -> Tensor where Block.Scalar == Float {
    let result = tensor(.float32, x.shape, layout: x.layout)
    let target = result.address.assumingMemoryBound(to: Block.self)
    let source = x.address.assumingMemoryBound(to: Block.self)
    let (factors, terms) = (Block.blocks(of: scale), Block.blocks(of: shift))
    let size = x.shape.dropFirst(2).reduce(1, *)
    parallel(x.shape[0] * factors.count, grain: max(1024 / max(size, 1), 1)) { planes in
      for plane in planes {
        let (factor, term) = (factors[plane % factors.count], terms[plane % factors.count])
        for place in plane * size..<(plane + 1) * size {
          target[place] = source[place] * factor + term
        }
      }
    }
    return result
  }
}

extension SIMD where Scalar == Float {
  /// The numbers in blocks, the last one padded with zeros.
  fileprivate static func blocks(of numbers: [Double]) -> [Self] {
    stride(from: 0, to: numbers.count, by: scalarCount).map { start in
      var block = Self(repeating: 0)
      for lane in 0..<Swift.min(scalarCount, numbers.count - start) {
        block[lane] = Float(numbers[start + lane])
      }
      return block
    }
  }
}
