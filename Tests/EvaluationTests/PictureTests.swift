import Evaluation
import Foundation
import Testing

@Suite struct PictureTests {
  @Test(arguments: [
    "rgb.png", "rgba.png", "grey.png", "grey-alpha.png", "palette.png", "palette-transparent.png",
    "bilevel.png", "lossless.webp", "alpha.webp", "rgb.bmp", "palette.bmp", "grey.bmp",
    "palette.gif", "grey.gif", "deflate.tiff", "palette.tiff", "grey.tiff",
  ])
  func decodesLosslessFormatsAsPillow(name: String) throws {
    #expect(try Golden.picture(name) == Golden.ppm(name + ".ppm"))
  }

  @Test(arguments: ["444.jpg", "420.jpg", "progressive.jpg", "grey.jpg", "lossy.webp"])
  func decodesLossyFormatsAlmostAsPillow(name: String) throws {
    #expect(try difference(Golden.picture(name), Golden.ppm(name + ".ppm")) <= 3)
  }

  @Test(arguments: 1...8)
  func honoursOrientationInJPEG(orientation: Int) throws {
    let name = "orientation-\(orientation).jpg"
    #expect(try difference(Golden.picture(name), Golden.ppm(name + ".ppm")) <= 3)
  }

  @Test(arguments: ["png", "webp"])
  func honoursOrientationElsewhere(format: String) throws {
    let name = "orientation-6.\(format)"
    #expect(try Golden.picture(name) == Golden.ppm(name + ".ppm"))
  }

  @Test(arguments: 1...8)
  func honoursOrientationInTIFF(orientation: Int) throws {
    let stored = try Golden.picture("orientation-1.tiff")
    let upright = try Golden.picture("orientation-\(orientation).tiff")
    #expect(upright == stored.oriented(orientation))
  }

  @Test func contentDecidesNotTheName() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "picture.jpg")
    try Data(Golden.bytes("rgb.png")).write(to: path)
    #expect(try Picture(contentsOf: path.path) == Golden.ppm("rgb.png.ppm"))

    try Data("a text\n".utf8).write(to: path)
    #expect(throws: PictureError.unknownFormat("text")) { try Picture(contentsOf: path.path) }
    try Data().write(to: path)
    #expect(throws: PictureError.empty) { try Picture(contentsOf: path.path) }
    #expect(throws: PictureError.unreadable("Is a directory")) {
      try Picture(contentsOf: folder.path)
    }
    try FileManager.default.removeItem(at: path)
    #expect(throws: PictureError.missing) { try Picture(contentsOf: path.path) }
  }

  @Test func saysHowUnknownFilesStart() {
    func message(_ bytes: [UInt8]) -> String {
      do throws(PictureError) {
        _ = try Picture(decoding: bytes)
        return "no error"
      } catch {
        return error.description
      }
    }
    let start = "not a JPEG, PNG, WebP, BMP, GIF or TIFF picture (the file starts with "
    #expect(message(Array("<svg xmlns".utf8)) == start + "text)")
    #expect(message([0x1F, 0x8B, 8, 0, 0]) == start + "the bytes 1f 8b 08 00)")
    let heic = Array("\0\0\0\u{18}ftypheic".utf8)
    #expect(message(heic) == start + "the signature of HEIC, AVIF or MP4)")
    #expect(message([]) == "the file is empty")
  }

  @Test func pngRoundTrip() throws {
    let picture = try Golden.picture("source.png")
    #expect(try Picture(decoding: picture.pngData()) == picture)
  }
}

@Suite struct BadPictureTests {
  @Test(arguments: [
    ("bilevel.tiff", "one bit per sample in a TIFF picture is not supported"),
    ("transparent.tiff", "the TIFF picture is damaged: transparency is not supported"),
    ("animation.webp", "an animation in a WebP picture is not supported"),
  ])
  func refusesWhatWouldComeOutWrong(name: String, message: String) throws {
    let error = #expect(throws: PictureError.self) { try Golden.picture(name) }
    #expect(error?.description == message)
  }

  @Test func refusesDecompressionBombs() throws {
    func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
    func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    var png = try Golden.bytes("rgb.png")
    png.replaceSubrange(16..<24, with: big(60_000) + big(50_000))
    var bmp = try Golden.bytes("rgb.bmp")
    bmp.replaceSubrange(18..<26, with: little(60_000) + little(UInt32(bitPattern: -50_000)))
    var gif = try Golden.bytes("grey.gif")
    gif.replaceSubrange(6..<10, with: [0xFF, 0xFF, 0xFF, 0xFF])
    let frame = try #require(
      gif.indices.dropLast(5).last { Array(gif[$0..<$0 + 5]) == [0x2C, 0, 0, 0, 0] })
    gif.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
    var jpeg = try Golden.bytes("444.jpg")
    let marker = try #require(
      jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    jpeg.replaceSubrange(marker + 5..<marker + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])

    for bytes in [png, bmp] {
      #expect(throws: PictureError.tooLarge(width: 60_000, height: 50_000)) {
        try Picture(decoding: bytes)
      }
    }
    #expect(throws: PictureError.tooLarge(width: 65_535, height: 65_535)) {
      try Picture(decoding: gif)
    }
    #expect(throws: PictureError.tooLarge(width: 65_500, height: 65_500)) {
      try Picture(decoding: jpeg)
    }
  }

  @Test(arguments: [
    "rgb.png", "palette.png", "444.jpg", "progressive.jpg", "lossless.webp", "lossy.webp",
    "rgb.bmp", "palette.gif", "deflate.tiff", "orientation-6.png",
  ])
  func refusesTruncatedFiles(name: String) throws {
    let bytes = try Golden.bytes(name)
    for count in stride(from: 0, to: bytes.count * 9 / 10, by: 7) {
      #expect(throws: PictureError.self) { try Picture(decoding: Array(bytes.prefix(count))) }
    }
  }

  @Test(arguments: ["rgb.png", "420.jpg", "alpha.webp", "palette.bmp", "grey.gif", "palette.tiff"])
  func survivesFlippedBytes(name: String) throws {
    var random = SplitMix(seed: 7)
    let bytes = try Golden.bytes(name)
    for _ in 0..<200 {
      var damaged = bytes
      for _ in 0..<4 {
        let index = Int.random(in: damaged.indices, using: &random)
        damaged[index] = .random(in: 0...255, using: &random)
      }
      _ = try? Picture(decoding: damaged)
    }
  }

  @Test(arguments: PictureFormat.allCases)
  func survivesRandomBytesAfterASignature(format: PictureFormat) throws {
    let signatures: [PictureFormat: [UInt8]] = [
      .jpeg: [0xFF, 0xD8, 0xFF, 0xE0], .png: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],
      .webp: Array("RIFF\0\0\0\0WEBPVP8 ".utf8), .bmp: Array("BM".utf8),
      .gif: Array("GIF89a".utf8), .tiff: [0x49, 0x49, 0x2A, 0],
    ]
    let signature = try #require(signatures[format])
    #expect(PictureFormat(sniffing: signature) == format)
    var random = SplitMix(seed: 11)
    for _ in 0..<100 {
      let noise = (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(throws: PictureError.self) { try Picture(decoding: signature + noise) }
    }
  }
}

/// Steele, Lea and Flood's generator: the same sequence for a seed everywhere.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
