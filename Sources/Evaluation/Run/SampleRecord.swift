package import Attribution
package import Tensors

/// What an evaluation found out about one sample.
package final class SampleRecord {
  /// A number for one model and, where it judges a map, one method.
  package struct Value: Hashable {
    /// Places in the lists of the protocol.
    package let model: Int
    package let method: Int?
    /// The name of the result.
    package let result: String

    package init(model: Int, method: Int?, result: String) {
      self.model = model
      self.method = method
      self.result = result
    }

    /// The name of what says whether a mask shows a model an object: 1, or 0 for a black one.
    static let object = "shows-object"
  }

  /// A map and what it cost.
  package struct Map {
    package let model: Int
    package let method: Int
    package let values: Tensor
    package let passes: Passes
    package let seconds: Double
  }

  /// What a model says of the sample.
  package struct Prediction {
    package let model: Int
    /// The class that is explained, and its score.
    package let target: Int
    package let score: Double
    /// The class of the best score.
    package let best: Int
  }

  /// The place of the sample in the data set.
  package let index: Int
  /// Why it could not be evaluated.
  package var failure: String?
  package var predictions: [Prediction] = []
  package var values: [Value: Double] = [:]
  package var curves: [Value: [Double]] = [:]
  package var maps: [Map] = []

  package init(index: Int, failure: String? = nil) {
    self.index = index
    self.failure = failure
  }

  /// Another record of what was found out so far.
  func copy() -> SampleRecord {
    let record = SampleRecord(index: index, failure: failure)
    (record.predictions, record.values, record.curves) = (predictions, values, curves)
    record.maps = maps
    return record
  }
}
