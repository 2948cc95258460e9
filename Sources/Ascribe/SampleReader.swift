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
      return (points, withMasks ? try masks(of: sample, as: points) : nil)
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
      points, withMasks ? masks(of: sample, as: picture) : nil
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

  /// For each model, for each pixel of a picture whether it shows the object.
  private func masks(of sample: DataSet.Sample, as picture: Picture) throws -> [[Bool]]? {
    guard let mask = try masks?.picture(of: sample) else { return nil }
    try mask.requireSize(width: picture.width, height: picture.height, of: "picture")
    let shown = try mask.asMask()
    return try models.map { model in
      do {
        return try model.rule.preprocessing.cropped(shown).isInside
      } catch let error as PreprocessingError {
        throw ModelError("its mask: \(error.description)")
      }
    }
  }

  /// For each model, for each pixel of a tensor whether it shows the object. A mask has the size of the
  /// tensor, which nothing crops.
  private func masks(of sample: DataSet.Sample, as points: [Tensor]) throws -> [[Bool]]? {
    guard let mask = try masks?.picture(of: sample) else { return nil }
    for (model, point) in zip(models, points) {
      let sides = point.shape.indices.filter { $0 != 0 && $0 != model.channelAxis }
      guard sides.count == 2 else { throw ModelError("it is no picture that a mask belongs to") }
      try mask.requireSize(
        width: point.shape[sides[1]], height: point.shape[sides[0]], of: "sample")
    }
    let shown = try mask.asMask().isInside
    return models.map { _ in shown }
  }
}

extension Picture {
  /// For each pixel whether it is on the object.
  fileprivate var isInside: [Bool] {
    (0..<(width * height)).map { pixels[3 * $0] >= Picture.inside }
  }

  /// Refuses a mask of another size than what it belongs to.
  fileprivate func requireSize(
    width: Int, height: Int, of what: String
  ) throws(ModelError) {
    guard self.width == width, self.height == height else {
      throw ModelError(
        "its mask has \(self.width)x\(self.height) pixels, the \(what) \(width)x\(height)")
    }
  }
}
