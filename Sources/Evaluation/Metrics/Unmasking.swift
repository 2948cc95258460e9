package import Tensors

/// A picture in which pixels of another one appear, one after the other.
package struct Unmasking {
  private var picture: [UInt8]
  private let source: Tensor
  private let layout: PixelLayout

  /// `background` before any pixel of `source` appears; both are one point, row-major and of one type.
  package init(of source: Tensor, on background: Tensor, _ layout: PixelLayout) {
    self.source = source
    self.layout = layout
    picture = Array(UnsafeRawBufferPointer(start: background.address, count: background.byteCount))
    withExtendedLifetime(background.storage) {}
  }

  /// Lets pixels appear, all their channels.
  package mutating func reveal(_ pixels: some Sequence<Int32>) {
    let size = source.elementType.size
    defer { withExtendedLifetime(source.storage) {} }
    picture.withUnsafeMutableBytes { picture in
      for pixel in pixels {
        for element in layout.elements(of: Int(pixel)) {
          let place = size * element
          for byte in place..<(place + size) {
            picture[byte] = source.address.load(fromByteOffset: byte, as: UInt8.self)
          }
        }
      }
    }
  }

  /// The picture as it is now.
  package var tensor: Tensor {
    let storage = Storage(byteCount: picture.count)
    UnsafeMutableRawBufferPointer(start: storage.base, count: picture.count)
      .copyBytes(from: picture)
    return Tensor(source.elementType, source.shape, storage: storage)
  }
}
