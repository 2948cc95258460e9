package import Tensors

extension Workspace {
  /// The same tensor with its elements in row-major order; itself where they are already.
  package func rowMajor(_ x: Tensor) -> Tensor {
    guard x.layout != .rowMajor else { return x }
    let block: Int
    switch x.layout {
    case .rowMajor: return x
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
