import Foundation
import Graphs
import ONNXFormat

extension EncodedModel {
  /// Writes the file or files of a model, checked by libonnx before they get their names.
  ///
  /// - Parameter subject: what messages call the model.
  /// - Throws: `ModelError` if a file cannot be written or the model breaks a rule of ONNX.
  func write(to path: String, calling subject: String) throws(ModelError) {
    let data = path + ".data"
    do {
      if !externalData.isEmpty {
        guard !FileManager.default.fileExists(atPath: data) else {
          throw ModelError(
            "the file for external data exists already; remove it or choose another output",
            kind: .cannotWrite, file: data)
        }
        try OutputFile.write(externalData, to: data)
      }
      try OutputFile.write(model.pieces, to: path) { temporary in
        if case .invalid(let reason) = try ModelFile(opening: temporary).check() {
          throw ModelError("\(subject) breaks a rule of ONNX: \(reason)", kind: .fault)
        }
      }
    } catch {
      if !externalData.isEmpty, !FileManager.default.fileExists(atPath: path) { unlink(data) }
      throw error as? ModelError ?? ModelError("\(error)", kind: .fault)
    }
  }
}

extension Model {
  /// Refuses a file to write to that is this model.
  func requireOther(_ url: URL) throws(ModelError) {
    guard Self.isSameFile(url.relativePath, self.url.relativePath) else { return }
    throw ModelError(
      "the output is the model itself; give it another name", kind: .usage, file: url.relativePath)
  }

  private static func isSameFile(_ a: String, _ b: String) -> Bool {
    var (first, second) = (stat(), stat())
    guard stat(a, &first) == 0, stat(b, &second) == 0 else { return false }
    return first.st_ino == second.st_ino && first.st_dev == second.st_dev
  }
}
