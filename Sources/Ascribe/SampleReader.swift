import Evaluation
import Foundation
import Graphs
import Tensors

/// Reads samples of a data set for several models at once, each picture decoded once.
struct SampleReader: Sendable {
  let dataSet: DataSet
  let models: [EvaluatedModel]
  let masks: MaskFolder?

  /// A sample as each model takes it, and where it shows the object if `withMasks`.
  ///
  /// - Throws: `ModelError` if it cannot be read, or is not what its digest says.
  func read(_ sample: DataSet.Sample, withMasks: Bool) throws -> SamplePreparation.Reading {
    guard case .file(let path) = try dataSet.content(of: sample), ModelInput.isPicture(path) else {
      let points = try points(of: sample)
      try dataSet.requireUnchanged(sample)
      return (points, withMasks ? try masks(of: sample, size: nil) : nil)
    }
    let picture = try Model.picture(contentsOf: path)
    try dataSet.requireUnchanged(sample)
    let points = try models.map { model in
      let preprocessing = model.rule.preprocessing
      do {
        return try model.model.tensor(
          of: preprocessing.cropped(picture), for: model.port, preprocessing, path)
      } catch let error as PreprocessingError {
        throw ModelError(error.description)
      }
    }
    return try (
      points, withMasks ? masks(of: sample, size: (picture.width, picture.height)) : nil
    )
  }

  /// For each model what its other inputs get that follow the samples, by their places.
  ///
  /// - Throws: `ModelError` if a file changed after it was opened.
  func others(of sample: DataSet.Sample) throws -> [[Int: Tensor]] {
    try models.map { model in
      var tensors: [Int: Tensor] = [:]
      for input in model.others where input.followsSamples {
        tensors[input.index] = try input.tensor(for: sample)
      }
      return tensors
    }
  }

  /// A sample that is no picture as each model takes it.
  private func points(of sample: DataSet.Sample) throws -> [Tensor] {
    switch try dataSet.content(of: sample) {
    case .file(let path):
      return try models.map {
        try $0.model.input(contentsOf: path, for: $0.port, rule: $0.rule).tensor
      }
    case .tensor(let tensor):
      return try models.map {
        try $0.model.fitted(tensor, to: $0.port, dataSet.path, whole: dataSet.arrayDescription)
      }
    case .numbers(let numbers): return try models.map { try $0.port.tensor(of: numbers) }
    }
  }

  /// For each model, for each pixel whether it shows the object.
  ///
  /// - Parameter size: that of the picture, which the mask must have; nil for a tensor, whose mask has
  ///   the size of the model's input.
  private func masks(
    of sample: DataSet.Sample, size: (width: Int, height: Int)?
  ) throws -> [[Bool]]? {
    guard let masks else { return nil }
    let picture = try masks.picture(of: sample)
    if let size, picture.width != size.width || picture.height != size.height {
      throw ModelError(
        "its mask has \(picture.width)x\(picture.height) pixels, the picture "
          + "\(size.width)x\(size.height)")
    }
    let mask = try picture.asMask()
    return try models.map { model in
      do {
        let seen = try model.rule.preprocessing.cropped(mask)
        return (0..<(seen.width * seen.height)).map { seen.pixels[3 * $0] >= Picture.inside }
      } catch let error as PreprocessingError {
        throw ModelError("its mask: \(error.description)")
      }
    }
  }
}
