internal import CImage

/// What a picture file says about itself before any pixel is decoded.
///
/// Sizes are read here, and not from the decoders, so that a small file that claims a huge picture
/// is refused before memory is spent on it.
struct PictureHeader: Equatable {
  let format: PictureFormat

  /// The stored size, before the orientation is applied.
  var width = 0
  var height = 0

  /// The EXIF orientation, 1 to 8: what to do to the stored pixels to show them upright.
  var orientation = 1

  /// Reads the header of a file of any known format.
  init(parsing bytes: [UInt8]) throws(PictureError) {
    if bytes.isEmpty { throw .empty }
    guard let format = PictureFormat(sniffing: bytes) else {
      throw .unknownFormat(PictureFormat.start(of: bytes))
    }
    self.format = format
    let bytes = HeaderBytes(bytes: bytes, format: format)
    switch format {
    case .jpeg: try readJPEG(bytes)
    case .png: try readPNG(bytes)
    case .webp: try readWebP(bytes)
    case .bmp: try readBMP(bytes)
    case .gif: try readGIF(bytes)
    case .tiff: try readTIFF(bytes)
    }
    guard width > 0, height > 0 else {
      throw .damaged(format, "its size is \(width)x\(height)")
    }
    guard width <= Picture.maximumPixelCount / height else {
      throw .tooLarge(width: width, height: height)
    }
  }

  /// Segments up to the frame header (ITU T.81, annex B).
  private mutating func readJPEG(_ bytes: HeaderBytes) throws(PictureError) {
    let exif = Array("Exif\0\0".utf8)
    var position = 2
    while true {
      guard try bytes.byte(at: position) == 0xFF else {
        throw .damaged(format, "a segment does not start with a marker")
      }
      let marker = try bytes.byte(at: position + 1)
      if marker == 0xFF {
        position += 1
        continue
      }
      if marker == 0x01 || (0xD0...0xD8).contains(marker) {
        position += 2
        continue
      }
      let length = try bytes.big16(at: position + 2)
      guard length >= 2 else { throw .damaged(format, "a segment is \(length) bytes long") }
      let payload = position + 4..<position + 2 + length
      switch marker {
      case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
        height = try bytes.big16(at: payload.lowerBound + 1)
        width = try bytes.big16(at: payload.lowerBound + 3)
        return
      case 0xE1 where bytes.starts(with: exif, at: payload.lowerBound):
        orientation = try bytes.exifOrientation(in: payload.dropFirst(exif.count))
      case 0xD9, 0xDA:
        throw .damaged(format, "there is no frame header")
      default: break
      }
      position = payload.upperBound
    }
  }

  /// The IHDR chunk, and eXIf wherever it lies (PNG, third edition, sections 11.2.1 and 11.3.2.10).
  private mutating func readPNG(_ bytes: HeaderBytes) throws(PictureError) {
    guard bytes.starts(with: Array("IHDR".utf8), at: 12), try bytes.big32(at: 8) == 13 else {
      throw .damaged(format, "it does not start with an IHDR chunk")
    }
    width = try bytes.big32(at: 16)
    height = try bytes.big32(at: 20)
    if let exif = PNGChunks(of: bytes.bytes).exif {
      orientation = try bytes.exifOrientation(in: exif.indices)
    }
  }

  /// The first chunk of pixels or of features, and EXIF (RFC 9649, section 2).
  private mutating func readWebP(_ bytes: HeaderBytes) throws(PictureError) {
    guard try bytes.little32(at: 4) + 8 <= bytes.count else { throw .truncated(format) }
    var position = 12
    while position + 8 <= bytes.count {
      let data = position + 8
      let size = try bytes.little32(at: position + 4)
      if bytes.starts(with: Array("VP8X".utf8), at: position) {
        if try bytes.byte(at: data) & 2 != 0 { throw .unsupported(format, "an animation") }
        width = try bytes.little24(at: data + 4) + 1
        height = try bytes.little24(at: data + 7) + 1
      } else if width == 0, bytes.starts(with: Array("VP8 ".utf8), at: position) {
        width = try bytes.little16(at: data + 6) & 0x3FFF
        height = try bytes.little16(at: data + 8) & 0x3FFF
      } else if width == 0, bytes.starts(with: Array("VP8L".utf8), at: position) {
        let sizes = try bytes.little32(at: data + 1)
        width = sizes & 0x3FFF + 1
        height = sizes >> 14 & 0x3FFF + 1
      } else if bytes.starts(with: Array("EXIF".utf8), at: position) {
        orientation = try bytes.exifOrientation(in: data..<data + size)
      }
      position = data + size + size % 2
    }
  }

  /// The information header: 12 bytes in OS/2 files, 40 and more in Windows files.
  private mutating func readBMP(_ bytes: HeaderBytes) throws(PictureError) {
    if try bytes.little32(at: 14) == 12 {
      width = try bytes.little16(at: 18)
      height = try bytes.little16(at: 20)
    } else {
      width = Int(Int32(truncatingIfNeeded: try bytes.little32(at: 18)))
      // Rows run from the top where the height is negative.
      height = abs(Int(Int32(truncatingIfNeeded: try bytes.little32(at: 22))))
    }
  }

  /// The screen and the blocks up to the end of the first frame (GIF89a, sections 17 to 22).
  private mutating func readGIF(_ bytes: HeaderBytes) throws(PictureError) {
    func paletteSize(_ flags: Int) -> Int { flags & 0x80 == 0 ? 0 : 6 << (flags & 7) }
    func skipBlocks(_ start: Int) throws(PictureError) -> Int {
      var position = start
      while true {
        let size = try bytes.byte(at: position)
        position += 1 + size
        if size == 0 { return position }
      }
    }
    width = try bytes.little16(at: 6)
    height = try bytes.little16(at: 8)
    var position = 13 + paletteSize(try bytes.byte(at: 10))
    while true {
      switch try bytes.byte(at: position) {
      case 0x21: position = try skipBlocks(position + 2)
      case 0x2C:
        var frame: [Int] = []
        for field in 0..<4 { frame.append(try bytes.little16(at: position + 1 + 2 * field)) }
        guard frame == [0, 0, width, height] else {
          throw .unsupported(format, "a first frame that does not fill the screen")
        }
        _ = try skipBlocks(position + 11 + paletteSize(try bytes.byte(at: position + 9)))
        return
      default: throw .damaged(format, "there is no frame")
      }
    }
  }

  /// The first image file directory (TIFF 6.0, section 2).
  private mutating func readTIFF(_ bytes: HeaderBytes) throws(PictureError) {
    let isBig = try bytes.byte(at: 0) == 0x4D
    func short(_ position: Int) throws(PictureError) -> Int {
      isBig ? try bytes.big16(at: position) : try bytes.little16(at: position)
    }
    func long(_ position: Int) throws(PictureError) -> Int {
      isBig ? try bytes.big32(at: position) : try bytes.little32(at: position)
    }
    let directory = try long(4)
    var bits = 1
    for index in 0..<(try short(directory)) {
      let entry = directory + 2 + 12 * index
      let isLong = try short(entry + 2) == 4
      let value = isLong ? try long(entry + 8) : try short(entry + 8)
      switch try short(entry) {
      case 256: width = value
      case 257: height = value
      case 258: bits = try long(entry + 4) == 1 ? value : 8
      case 274 where (1...8).contains(value): orientation = value
      default: break
      }
    }
    // gd 2.3 swaps black and white in some of these files.
    if bits == 1 { throw .unsupported(format, "one bit per sample") }
  }
}

/// A file's bytes, read with bounds checks.
private struct HeaderBytes {
  let bytes: [UInt8]
  let format: PictureFormat

  var count: Int { bytes.count }

  func byte(at position: Int) throws(PictureError) -> Int {
    guard bytes.indices.contains(position) else { throw .truncated(format) }
    return Int(bytes[position])
  }

  func little16(at position: Int) throws(PictureError) -> Int {
    try byte(at: position) | byte(at: position + 1) << 8
  }

  func little24(at position: Int) throws(PictureError) -> Int {
    try little16(at: position) | byte(at: position + 2) << 16
  }

  func little32(at position: Int) throws(PictureError) -> Int {
    try little16(at: position) | little16(at: position + 2) << 16
  }

  func big16(at position: Int) throws(PictureError) -> Int {
    try byte(at: position) << 8 | byte(at: position + 1)
  }

  func big32(at position: Int) throws(PictureError) -> Int {
    try big16(at: position) << 16 | big16(at: position + 2)
  }

  func starts(with signature: [UInt8], at position: Int) -> Bool {
    position <= count && bytes[position...].starts(with: signature)
  }

  func exifOrientation(in range: Range<Int>) throws(PictureError) -> Int {
    guard range.upperBound <= count else { throw .truncated(format) }
    return bytes.withUnsafeBufferPointer { all in
      let block = UnsafeBufferPointer(rebasing: all[range])
      return Int(cimage_exif_orientation(block.baseAddress, block.count))
    }
  }
}
