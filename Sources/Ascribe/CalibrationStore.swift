import Foundation
import FoundationEssentials
import Graphs
import Rewrites
import Tensors

/// What the weights of a calibrated model depend on: a run may go on with another's weights only if all
/// of it is the same.
struct CalibrationProtocol: Codable, Equatable {
  var modelSHA256: String
  var pictures: [String]
  /// The digest of what the pictures became.
  var contents: String
  var preprocess: String
  var alsoStripped: [String]
  var replacesBreakers: Bool
  var seed: UInt64
  var version: String

  /// The first thing in which another run differs, for a message.
  func difference(from other: CalibrationProtocol) -> String? {
    if modelSHA256 != other.modelSHA256 { return "the model" }
    if pictures != other.pictures { return "the pictures" }
    if contents != other.contents { return "what the pictures hold" }
    if preprocess != other.preprocess { return "the preprocessing" }
    if alsoStripped != other.alsoStripped { return "--also" }
    if replacesBreakers != other.replacesBreakers { return "--replace" }
    if seed != other.seed { return "the seed" }
    return version != other.version ? "the version of this program" : nil
  }
}

/// A folder beside the output that keeps the weights of finished layers until the output is written.
struct CalibrationStore {
  private struct Entry: Codable {
    let layer: CalibratedLayer
    let file: String
  }

  private let folder: String

  /// Opens the folder of an interrupted run, or begins a new one in its place.
  ///
  /// - Throws: `ModelError` if `resumes` is set and the interrupted run was another, or if the folder
  ///   cannot be written.
  init(_ folder: String, for run: CalibrationProtocol, resumes: Bool) throws {
    self.folder = folder
    let file = folder + "/protocol.json"
    if resumes, let data = FileManager.default.contents(atPath: file) {
      guard let stored = try? JSONDecoder().decode(CalibrationProtocol.self, from: data) else {
        throw ModelError(
          "the interrupted run cannot be read; run without --resume", file: file)
      }
      guard let difference = run.difference(from: stored) else { return }
      throw ModelError(
        "\(difference) differs from the interrupted run; run without --resume to begin anew",
        kind: .usage, file: folder)
    }
    Self.remove(folder)
    try OutputFile.makeFolder(folder)
    try OutputFile.write([UInt8](JSONEncoder().encode(run)), to: file)
  }

  /// The layers that a method has finished, and the weights of each by their constant's name.
  func finished(
    _ method: CalibrationMethod
  ) -> (layers: [CalibratedLayer], weights: [String: Tensor]) {
    var layers: [CalibratedLayer] = []
    var weights: [String: Tensor] = [:]
    while let data = FileManager.default.contents(atPath: path(method, layers.count, "json")),
      let entry = try? JSONDecoder().decode(Entry.self, from: data),
      let bytes = FileManager.default.contents(atPath: "\(folder)/\(entry.file)"),
      let tensor = try? Tensor(npy: [UInt8](bytes))
    {
      layers.append(entry.layer)
      weights[entry.layer.weights] = tensor
    }
    return (layers, weights)
  }

  /// Keeps a finished layer, the `index`th of this method.
  func save(
    _ layer: CalibratedLayer, _ weights: Tensor, _ index: Int, _ method: CalibrationMethod
  ) throws {
    let tensor = path(method, index, "npy")
    try OutputFile.write(weights.npyData(), to: tensor)
    let entry = Entry(layer: layer, file: URL(filePath: tensor).lastPathComponent)
    try OutputFile.write(
      [UInt8](JSONEncoder().encode(entry)), to: path(method, index, "json"))
  }

  /// Removes the folder and what this program put there.
  static func remove(_ folder: String) {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for file in files where isOurs(file) { unlink("\(folder)/\(file)") }
    rmdir(folder)
  }

  private static func isOurs(_ file: String) -> Bool {
    guard file != "protocol.json" else { return true }
    let parts = file.split(separator: ".").flatMap { $0.split(separator: "-") }
    return parts.count == 3 && CalibrationMethod(rawValue: String(parts[0])) != nil
      && Int(parts[1]) != nil && ["npy", "json"].contains(parts[2])
  }

  private func path(_ method: CalibrationMethod, _ index: Int, _ ending: String) -> String {
    "\(folder)/\(method.rawValue)-\(index).\(ending)"
  }
}

extension CalibrationSettings {
  /// Removes the folder of finished layers, once the model is written.
  public static func removeStore(_ folder: String) { CalibrationStore.remove(folder) }
}
