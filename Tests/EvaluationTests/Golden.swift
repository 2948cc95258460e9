import Evaluation
import Foundation
import Testing

/// The files that `Scripts/picture_goldens.py` wrote.
enum Golden {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden")

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  static func picture(_ name: String) throws -> Picture { try Picture(decoding: bytes(name)) }

  /// A binary PPM file: "P6", the size, 255, and the pixels.
  static func ppm(_ name: String) throws -> Picture {
    let bytes = try bytes(name)
    let fields = bytes.split(maxSplits: 4, omittingEmptySubsequences: false) {
      $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: " ")
    }
    let sizes = try fields[1...2].map { field in
      try #require(Int(String(decoding: field, as: UTF8.self)))
    }
    return Picture(width: sizes[0], height: sizes[1], pixels: Array(fields[4]))
  }

  static func floats(_ name: String) throws -> [Float] {
    try bytes(name).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }
}

/// The largest difference of one channel of one pixel; 256 for pictures of different sizes.
func difference(_ a: Picture, _ b: Picture) -> Int {
  guard a.width == b.width, a.height == b.height else { return 256 }
  return zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
}
