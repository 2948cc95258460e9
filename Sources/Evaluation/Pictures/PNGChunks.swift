/// The chunks of a PNG file (PNG, third edition, section 5.3).
struct PNGChunks {
  /// A chunk's four letters, its data, and all of its bytes.
  private struct Chunk {
    let type: ArraySlice<UInt8>
    let data: ArraySlice<UInt8>
    let whole: ArraySlice<UInt8>

    func isNamed(_ name: String) -> Bool { type.elementsEqual(name.utf8) }
  }

  private let signature: ArraySlice<UInt8>
  private var chunks: [Chunk] = []

  /// Reads up to the IEND chunk, or to the last byte of a truncated file.
  init(of bytes: [UInt8]) {
    signature = bytes.prefix(8)
    var rest = bytes.dropFirst(8)
    while rest.count >= 8 {
      let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      let chunk = Chunk(
        type: rest.dropFirst(4).prefix(4), data: rest.dropFirst(8).prefix(length),
        whole: rest.prefix(length + 12))
      chunks.append(chunk)
      if chunk.isNamed("IEND") { break }
      rest = rest.dropFirst(length + 12)
    }
  }

  /// The data of the EXIF chunk, if there is one.
  var exif: ArraySlice<UInt8>? { chunks.first { $0.isNamed("eXIf") }?.data }

  /// The file without the chunks that do not change its pixels.
  ///
  /// libpng prints its complaints about colour profiles and texts, and unpacks them whatever their
  /// size; nothing here needs them. It complains of palettes that pixels do not index, too.
  var pixelsOnly: [UInt8] {
    let indexed: UInt8 = 3
    let colorType = chunks.first { $0.isNamed("IHDR") }?.data.dropFirst(9).first
    let names = ["IHDR", "tRNS", "IDAT", "IEND"] + (colorType == indexed ? ["PLTE"] : [])
    let needed = chunks.filter { names.contains(where: $0.isNamed) }
    return Array(signature) + needed.flatMap(\.whole)
  }
}
