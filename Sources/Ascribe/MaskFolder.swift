import Evaluation
import Foundation
import Graphs
import Tensors

/// Masks of objects, named like the samples that they belong to.
struct MaskFolder: Sendable {
  private let files: [Int: (path: String, digest: String)]
  /// A digest of all masks.
  let digest: String

  /// - Throws: `ModelError` if a sample has no mask.
  init(_ folder: String, of dataSet: DataSet) throws(ModelError) {
    let digest = Digest()
    var files: [Int: (path: String, digest: String)] = [:]
    for sample in dataSet.samples {
      let stem = URL(filePath: sample.name).deletingPathExtension().relativePath
      let endings = ["png", URL(filePath: sample.name).pathExtension]
      let path = endings.map { "\(folder)/\(stem).\($0)" }.first {
        FileManager.default.fileExists(atPath: $0)
      }
      guard let path, let bytes = FileManager.default.contents(atPath: path) else {
        throw ModelError(
          "there is no mask for '\(sample.name)'; it would be '\(stem).png'", kind: .noInput,
          file: folder)
      }
      bytes.withUnsafeBytes(digest.update)
      files[sample.index] = (path, bytes.withUnsafeBytes(Digest.sha256))
    }
    self.files = files
    self.digest = digest.finish()
  }

  /// The mask of a sample.
  ///
  /// - Throws: `ModelError` if it cannot be read, or is not what its digest says.
  func picture(of sample: DataSet.Sample) throws(ModelError) -> Picture {
    guard let file = files[sample.index] else { throw ModelError("it has no mask") }
    let picture: Picture
    do throws(ModelError) {
      picture = try Model.picture(contentsOf: file.path)
    } catch {
      throw ModelError("its mask: \(error.reason)")
    }
    let bytes = FileManager.default.contents(atPath: file.path)
    guard bytes?.withUnsafeBytes(Digest.sha256) == file.digest else {
      throw ModelError(
        "its mask changed after the evaluation began; start anew when the masks stay as they are")
    }
    return picture
  }
}

extension Picture {
  /// The least grey of a pixel on the object.
  static let inside: UInt8 = 128

  /// How far the channels of a grey pixel may lie apart, as a lossy file leaves them.
  private static let tolerance: UInt8 = 8

  /// The grey picture of a mask; of zeros and ones, as segmentation writes them, one of 0 and 255.
  ///
  /// - Throws: `ModelError` if pixels have colours, or if there are some that are not black but none is
  ///   bright enough to be on the object.
  func asMask() throws(ModelError) -> Picture {
    var brightest: UInt8 = 0
    for pixel in 0..<(width * height) {
      let (red, green, blue) = (pixels[3 * pixel], pixels[3 * pixel + 1], pixels[3 * pixel + 2])
      guard max(red, green, blue) - min(red, green, blue) <= Self.tolerance else {
        throw ModelError(
          "its mask has colours, such as \(red), \(green), \(blue); write it as grey, 255 on the "
            + "object")
      }
      brightest = max(brightest, red)
    }
    if brightest == 1 {
      return Picture(width: width, height: height, pixels: pixels.map { $0 == 0 ? 0 : 255 })
    }
    guard brightest == 0 || brightest >= Self.inside else {
      throw ModelError(
        "no pixel of its mask reaches \(Self.inside), the brightest is \(brightest); write 255 on the "
          + "object, or 0 and 1")
    }
    return self
  }
}
