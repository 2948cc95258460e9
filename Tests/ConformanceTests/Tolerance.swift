import Foundation
import Tensors

/// How an output differs from what is expected.
struct Mismatch: Error, CustomStringConvertible {
  let reason: String

  var description: String { reason }
}

/// How far outputs may be from the expected ones: |actual - expected| <= absolute + relative *
/// |expected|, as in NumPy's `assert_allclose`.
struct Tolerance: Sendable {
  var relative = 1e-3
  var absolute = 1e-7

  private struct Settings: Decodable {
    let rtol: Double?
    let atol: Double?
  }

  /// The defaults of ONNX's own runner, or what `data.json` beside the model says.
  init(beside model: URL) {
    let file = model.deletingLastPathComponent().appending(path: "data.json")
    guard let data = try? Data(contentsOf: file),
      let settings = try? JSONDecoder().decode(Settings.self, from: data)
    else { return }
    relative = settings.rtol ?? relative
    absolute = settings.atol ?? absolute
  }

  /// - Throws: `Mismatch` unless element types and shapes are equal and all elements near.
  func require(_ actual: Tensor, near expected: Tensor) throws(Mismatch) {
    guard actual.elementType == expected.elementType, actual.shape == expected.shape else {
      throw Mismatch(reason: "the output is \(actual), not \(expected)")
    }
    let actual = actual.converted(to: .float64).elements(as: Double.self)
    let expected = expected.converted(to: .float64).elements(as: Double.self)
    for (index, (a, e)) in zip(actual, expected).enumerated() {
      let isNear = a == e || (a.isNaN && e.isNaN) || abs(a - e) <= absolute + relative * abs(e)
      guard isNear, e.isInfinite == a.isInfinite else {
        throw Mismatch(reason: "element \(index) is \(a), not \(e)")
      }
    }
  }
}
