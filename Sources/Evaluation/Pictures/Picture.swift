internal import CImage

/// An upright picture of 8-bit red, green and blue.
public struct Picture: Sendable, Equatable {
  /// The most pixels that a picture may have; more is refused before anything is decoded.
  public static let maximumPixelCount = 1 << 27

  /// The most bytes of a file that is read: as many pixels with four uncompressed channels of 16 bits.
  public static let maximumByteCount = 8 * maximumPixelCount

  /// Pixels in a row.
  public let width: Int

  /// Rows.
  public let height: Int

  /// Red, green and blue of every pixel, row by row from the top.
  public let pixels: [UInt8]

  /// The picture of these pixels.
  ///
  /// - Precondition: there are 3 bytes for each of the `width` x `height` pixels.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == 3 * width * height, "\(pixels.count) bytes, \(width)x\(height)")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Reads a JPEG, PNG, WebP, BMP, GIF or TIFF file; its content decides which, not its name.
  public init(contentsOf path: String) throws(PictureError) {
    let bytes: [UInt8]
    do throws(FileFailure) {
      bytes = try fileBytes(path, limit: Self.maximumByteCount)
    } catch  where error.isTooLarge {
      throw .tooManyBytes
    } catch {
      throw error.isMissing ? .missing : .unreadable(error.reason)
    }
    try self.init(decoding: bytes)
  }

  /// Decodes a file's bytes and turns the picture upright as its EXIF orientation asks.
  ///
  /// Alpha is dropped, grey and palettes become RGB, 16 bits become 8, and of several frames the
  /// first is read.
  public init(decoding bytes: [UInt8]) throws(PictureError) {
    let header = try PictureHeader(parsing: bytes)
    let (width, height) = (header.width, header.height)
    let bytes = header.format == .png ? PNGChunks(of: bytes).pixelsOnly : bytes
    var failure: String?
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { pixels, count in
      var reason = [CChar](repeating: 0, count: 200)
      let success = cimage_decode(
        header.format.decoder, bytes, bytes.count, Int32(width), Int32(height),
        pixels.baseAddress, &reason, reason.count)
      if success == 0 {
        failure = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      } else {
        count = pixels.count
      }
    }
    if let failure { throw .damaged(header.format, failure) }
    self.init(width: width, height: height, pixels: pixels)
    self = oriented(header.residualOrientation)
  }

  /// The picture as a PNG file.
  public func pngData() -> [UInt8] {
    var count = 0
    guard let bytes = cimage_encode_png(pixels, Int32(width), Int32(height), &count) else {
      preconditionFailure("no memory to encode \(width)x\(height) pixels")
    }
    defer { cimage_free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// The picture turned and mirrored as an EXIF orientation, 1 to 8, asks.
  package func oriented(_ orientation: Int) -> Picture {
    if orientation == 1 { return self }
    let isTransposed = orientation >= 5
    var (first, alongRow, alongColumn) = (0, 1, width)
    if [2, 3, 7, 8].contains(orientation) {
      first += width - 1
      alongRow = -1
    }
    if [3, 4, 6, 7].contains(orientation) {
      first += (height - 1) * width
      alongColumn = -width
    }
    if isTransposed { swap(&alongRow, &alongColumn) }

    let (newWidth, newHeight) = isTransposed ? (height, width) : (width, height)
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { turned, count in
      pixels.withUnsafeBufferPointer { pixels in
        var target = 0
        for row in 0..<newHeight {
          for column in 0..<newWidth {
            let source = 3 * (first + row * alongColumn + column * alongRow)
            for channel in 0..<3 { turned[target + channel] = pixels[source + channel] }
            target += 3
          }
        }
      }
      count = pixels.count
    }
    return Picture(width: newWidth, height: newHeight, pixels: turned)
  }
}

extension PictureFormat {
  fileprivate var decoder: cimage_format {
    switch self {
    case .jpeg: CIMAGE_JPEG
    case .png: CIMAGE_PNG
    case .webp: CIMAGE_WEBP
    case .bmp: CIMAGE_BMP
    case .gif: CIMAGE_GIF
    case .tiff: CIMAGE_TIFF
    }
  }
}

extension PictureHeader {
  /// What is left of the orientation after decoding: libtiff mirrors, but does not transpose.
  fileprivate var residualOrientation: Int {
    guard format == .tiff else { return orientation }
    return switch orientation {
    case 5, 7: 5
    case 6, 8: 7
    default: 1
    }
  }
}
