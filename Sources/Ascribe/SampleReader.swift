import Evaluation
import Foundation
import Graphs
import Tensors

/// Reads samples of a data set for several models at once, each picture decoded once.
struct SampleReader: Sendable {
  let dataSet: DataSet
  let models: [EvaluatedModel]
  let masks: MaskFolder?

  /// A sample as each model takes it.
  func points(of sample: DataSet.Sample) throws -> [Tensor] {
    switch try dataSet.content(of: sample) {
    case .file(let path) where ModelInput.isPicture(path):
      let picture = try Model.picture(contentsOf: path)
      return try models.map { model in
        let preprocessing = model.rule.preprocessing
        do {
          return try model.model.tensor(
            of: preprocessing.cropped(picture), for: model.port, preprocessing, path)
        } catch let error as PreprocessingError {
          throw ModelError(error.description)
        }
      }
    case .file(let path):
      return try models.map {
        try $0.model.input(contentsOf: path, for: $0.port, rule: $0.rule).tensor
      }
    case .tensor(let tensor):
      return try models.map { try $0.model.fitted(tensor, to: $0.port, dataSet.path) }
    case .numbers(let numbers): return try models.map { try $0.tensor(of: numbers) }
    }
  }

  /// For each model, for each pixel whether it shows the object.
  func masks(of sample: DataSet.Sample) throws -> [[Bool]] {
    guard let masks else { return models.map { _ in [] } }
    let picture = try masks.picture(of: sample)
    return try models.map { model in
      do {
        let seen = try model.rule.preprocessing.cropped(picture)
        return (0..<(seen.width * seen.height)).map { seen.pixels[3 * $0] >= 128 }
      } catch let error as PreprocessingError {
        throw ModelError("its mask: \(error.description)")
      }
    }
  }
}

/// A model of an evaluation and what its input is given.
struct EvaluatedModel: Sendable {
  let model: Model
  let name: String
  let port: ModelPort
  let rule: PictureRule

  /// Numbers as a batch of one, filled up with zeros to the length that the model fixes.
  func tensor(of numbers: [Double]) throws -> Tensor {
    guard let type = port.elementType, let dimensions = port.dimensions, dimensions.count == 2
    else {
      throw ModelError(
        "input '\(port.name)' takes \(port.typeDescription), a line is a row of numbers",
        kind: .usage)
    }
    let length = dimensions[1] ?? numbers.count
    guard numbers.count <= length else {
      throw ModelError("it has \(numbers.count) numbers, the model takes \(length)")
    }
    let filled = numbers + [Double](repeating: 0, count: length - numbers.count)
    return Tensor(filled, shape: [1, length]).converted(to: type)
  }
}

/// Masks of objects, named like the samples that they belong to.
struct MaskFolder: Sendable {
  private let folder: String
  private let paths: [Int: String]
  /// A digest of all masks.
  let digest: String

  /// - Throws: `ModelError` if a sample has no mask.
  init(_ folder: String, of dataSet: DataSet) throws(ModelError) {
    let digest = Digest()
    var paths: [Int: String] = [:]
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
      paths[sample.index] = path
    }
    self.folder = folder
    self.paths = paths
    self.digest = digest.finish()
  }

  func picture(of sample: DataSet.Sample) throws(ModelError) -> Picture {
    guard let path = paths[sample.index] else { throw ModelError("it has no mask") }
    do throws(ModelError) {
      return try Model.picture(contentsOf: path)
    } catch {
      throw ModelError("its mask: \(error.reason)")
    }
  }
}
