import Ascribe
import Foundation
import Testing

/// A small network with what PyTorch computes for it in float64: `Scripts/goldens.py` makes them.
struct GoldenModel: Decodable, CustomTestStringConvertible {
  let name: String
  let model: String
  let input: String
  let output: String
  let gradient: String
  let ig: String
  let targets: [Int]
  let steps: Int
  /// How far captum's own rounding moves its map: it keeps quadrature weights in float32.
  let captumRounding: Double

  var testDescription: String { name }

  private struct Index: Decodable { let models: [GoldenModel] }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Golden")

  static let all: [GoldenModel] = {
    guard let data = try? Data(contentsOf: folder.appending(path: "index.json")),
      let index = try? JSONDecoder().decode(Index.self, from: data)
    else { return [] }
    return index.models
  }()

  func tensor(_ file: String) throws -> Tensor {
    try Tensor(npy: [UInt8](Data(contentsOf: Self.folder.appending(path: file))))
  }

  func session(_ precision: Precision) throws -> ModelSession {
    ModelSession(
      try Model(contentsOf: Self.folder.appending(path: model), precision: precision))
  }

  /// The maps of all rows, each for its own target.
  func maps(_ session: ModelSession, _ options: AttributionOptions) throws -> Tensor {
    let type: ElementType = session.model.precision == .float64 ? .float64 : .float32
    let batch = try tensor(input).converted(to: type)
    let rows = try targets.enumerated().map { row, target in
      var options = options
      options.targets = [.index(target)]
      options.space = session.firstOutput
      let explanations = try session.explain(
        [batch.rows(row..<(row + 1))], options: options,
        baselines: { [$0.zeros()] })
      return explanations[0][0].map.values
    }
    return Tensor(stacking: rows)
  }
}

extension ModelSession {
  /// The first output as it is, whatever it ends in.
  var firstOutput: TargetSpace { .output(model.outputs.first?.name ?? "") }
}

/// The relative L2 distance of two tensors of one shape.
func distance(_ actual: Tensor, _ expected: Tensor) throws -> Double {
  try #require(actual.shape == expected.shape)
  let a = actual.converted(to: .float64).elements(as: Double.self)
  let b = expected.converted(to: .float64).elements(as: Double.self)
  let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let norm = b.reduce(0) { $0 + $1 * $1 }
  return (difference / norm).squareRoot()
}

@Suite struct GoldenModelTests {
  @Test func theGoldensAreThere() { #expect(GoldenModel.all.count >= 10) }

  @Test(arguments: GoldenModel.all)
  func outputsEqualPyTorch(golden: GoldenModel) throws {
    let expected = try golden.tensor(golden.output)
    let input = try golden.tensor(golden.input)
    let exact = try golden.session(.float64).run([input])[0]
    #expect(try distance(exact, expected) < 1e-9)
    let fast = try golden.session(.declared).run([input.converted(to: .float32)])[0]
    #expect(try distance(fast, expected) < 1e-5)
  }

  @Test(arguments: GoldenModel.all)
  func gradientsEqualAutograd(golden: GoldenModel) throws {
    var options = AttributionOptions()
    options.method = .gradient
    let expected = try golden.tensor(golden.gradient)
    let exact = try golden.maps(try golden.session(.float64), options)
    #expect(try distance(exact, expected) < 1e-9)
    // Rounding may flip the sign before a ReLU, which moves the gradient by a step.
    let fast = try golden.maps(try golden.session(.declared), options)
    #expect(try distance(fast, expected) < 1e-3)
  }

  /// Input times gradient and biases times theirs are the score, whatever the network is: a check of
  /// every backward rule.
  @Test(arguments: GoldenModel.all)
  func fullGradAddsUpToTheScore(golden: GoldenModel) throws {
    let session = try golden.session(.float64)
    let input = try golden.tensor(golden.input).converted(to: .float64).rows(0..<1)
    var options = AttributionOptions()
    options.method = try Method("fullgrad")
    options.space = session.firstOutput
    options.targets = [.index(golden.targets[0])]
    let map = try session.explain([input], options: options)[0][0].map
    let size = map.values.elements(as: Double.self).reduce(0) { $0 + abs($1) }
    #expect(abs(map.completenessError) < 1e-9 * max(abs(map.score), size))
  }

  @Test(arguments: GoldenModel.all)
  func integratedGradientsEqualCaptum(golden: GoldenModel) throws {
    var options = AttributionOptions()
    options.method = .integratedGradients(.steps(golden.steps, .gaussLegendre))
    let expected = try golden.tensor(golden.ig)
    let exact = try golden.maps(try golden.session(.float64), options)
    #expect(try distance(exact, expected) < max(1e-9, 3 * golden.captumRounding))
    let fast = try golden.maps(try golden.session(.declared), options)
    #expect(try distance(fast, expected) < 1e-3)
  }
}
