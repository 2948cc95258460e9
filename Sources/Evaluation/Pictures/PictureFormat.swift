/// A picture file format, recognised by how its files start.
public enum PictureFormat: String, Sendable, CaseIterable, CustomStringConvertible {
  case jpeg = "JPEG"
  case png = "PNG"
  case webp = "WebP"
  case bmp = "BMP"
  case gif = "GIF"
  case tiff = "TIFF"

  /// The name as people write it.
  public var description: String { rawValue }

  /// The format that a file with these first bytes has, or nil.
  package init?(sniffing bytes: [UInt8]) {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: "RIFF".utf8) && bytes.dropFirst(8).starts(with: "WEBP".utf8) {
      self = .webp
    } else if bytes.starts(with: "BM".utf8) {
      self = .bmp
    } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
      self = .gif
    } else if bytes.starts(with: [0x49, 0x49, 0x2A, 0])
      || bytes.starts(with: [0x4D, 0x4D, 0, 0x2A])
    {
      self = .tiff
    } else {
      return nil
    }
  }

  /// How a file of no known format starts, in words.
  static func start(of bytes: [UInt8]) -> String {
    let start = bytes.prefix(32)
    if bytes.dropFirst(4).starts(with: "ftyp".utf8) { return "the signature of HEIC, AVIF or MP4" }
    if start.starts(with: "%PDF".utf8) { return "the signature of PDF" }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return "the signature of a .npy tensor" }
    if start.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) }) {
      return "text"
    }
    let digits = start.prefix(4).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return (digits.count == 1 ? "the byte " : "the bytes ") + digits.joined(separator: " ")
  }
}
