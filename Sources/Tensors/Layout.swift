/// How the elements of a tensor lie in memory.
///
/// Convolutions take and leave layouts that put channels innermost; everything else reads and
/// writes row-major tensors, unless it works element by element on operands of one layout.
public enum Layout: Hashable, Sendable {
  /// The last dimension is contiguous: ONNX's own order.
  case rowMajor
  /// Dimension 1 is contiguous, then the last one: NHWC for pictures.
  case channelsLast
  /// Dimension 1 is cut into blocks of this many channels, each contiguous: NCHW8c, NCHW16c. The
  /// last block is padded with zeros.
  case blockedChannels(Int)
  /// Booleans as bits, in the order of another layout; the first is the lowest bit of the first byte.
  indirect case bits(Layout)

  /// Elements in memory, padding included, of a tensor of this shape; bytes, where elements are bits.
  public func paddedCount(of shape: Shape) -> Int {
    if case .bits(let order) = self { return (order.paddedCount(of: shape) + 7) / 8 }
    guard case .blockedChannels(let block) = self, shape.rank >= 2, shape[1] > 0 else {
      return shape.elementCount
    }
    return shape.elementCount / shape[1] * ((shape[1] + block - 1) / block * block)
  }

  /// Whether a tensor of this shape has elements in memory that belong to no coordinate.
  public func pads(_ shape: Shape) -> Bool { paddedCount(of: shape) != shape.elementCount }
}
