import Ascribe
import Foundation
import Testing

/// Maps of methods with replaced rules, by captum in float64: `Scripts/rule_goldens.py` makes them.
@Suite struct RuleGoldenTests {
  struct Network: Decodable, CustomTestStringConvertible {
    let name: String
    let target: Int
    let cases: [Case]

    var testDescription: String { name }

    func tensor(_ file: String) throws -> Tensor {
      let url = GoldenModel.folder.appending(path: "rules/\(name).\(file).npy")
      return try Tensor(npy: [UInt8](Data(contentsOf: url)))
    }
  }

  struct Case: Decodable {
    let method: String
    /// How many rows of the baselines it takes.
    let baselines: Int
    let map: String
  }

  private struct Index: Decodable { let networks: [Network] }

  static let networks: [Network] = {
    let file = GoldenModel.folder.appending(path: "rules/rules.json")
    guard let data = try? Data(contentsOf: file),
      let index = try? JSONDecoder().decode(Index.self, from: data)
    else { return [] }
    return index.networks
  }()

  @Test func theGoldensAreThere() { #expect(Self.networks.count == 3) }

  @Test(arguments: networks, [Precision.float64, .declared])
  func mapsEqualCaptum(network: Network, precision: Precision) throws {
    let url = GoldenModel.folder.appending(path: "rules/\(network.name).onnx")
    let session = ModelSession(try Model(contentsOf: url, precision: precision))
    let type: ElementType = precision == .float64 ? .float64 : .float32
    let input = try network.tensor("input").converted(to: type)
    let baselines = try network.tensor("baselines").converted(to: type)
    for (index, golden) in network.cases.enumerated() {
      var options = AttributionOptions()
      options.method = try Method(golden.method)
      options.targets = [.index(network.target)]
      let explanation = try session.explain([input], options: options) { point in
        let rows = (0..<golden.baselines).map { baselines.rows($0..<($0 + 1)) }
        return rows.isEmpty ? [point.zeros()] : rows
      }
      let expected = try network.tensor(String(index))
      let distance = try distance(explanation[0][0].map.values, expected)
      #expect(distance < (precision == .float64 ? 1e-11 : 1e-4), "\(golden.method)")
    }
  }

  /// Summation to delta, on every golden model whose operators have a rule; what others say is why not.
  @Test(arguments: GoldenModel.all)
  func deepLiftAddsUpOrIsRefused(golden: GoldenModel) throws {
    let session = try golden.session(.float64)
    var options = AttributionOptions()
    options.method = try Method("deeplift")
    options.targets = [.index(golden.targets[0])]
    let input = try golden.tensor(golden.input).rows(0..<1)
    if Self.refused.contains(golden.name) {
      let error = #expect(throws: ModelError.self) {
        try session.explain([input], options: options)
      }
      #expect(error?.description.contains("use ig") ?? false)
      return
    }
    let map = try session.explain([input], options: options)[0][0].map
    #expect(map.relativeCompletenessError < 1e-9)
    #expect(map.baselineScore != nil)
  }

  /// With a small epsilon, rule=epsilon on networks of Relu and MaxPool is input times gradient (Ancona et
  /// al., 2018): here times PyTorch's gradient.
  @Test(arguments: GoldenModel.all)
  func relevanceIsInputTimesGradientOrRefused(golden: GoldenModel) throws {
    let session = try golden.session(.float64)
    var options = AttributionOptions()
    options.method = try Method("lrp:epsilon=1e-13")
    options.targets = [.index(golden.targets[0])]
    let input = try golden.tensor(golden.input).rows(0..<1)
    if Self.refused.contains(golden.name) {
      let error = #expect(throws: ModelError.self) {
        try session.explain([input], options: options)
      }
      #expect(error?.description.contains("use ig") ?? false)
      return
    }
    let map = try session.explain([input], options: options)[0][0].map
    guard !["perceptron", "separable", "softmax"].contains(golden.name) else {
      #expect(map.sum.isFinite)
      return
    }
    let gradient = try golden.tensor(golden.gradient).rows(0..<1)
    let product = zip(
      input.elements(as: Double.self), gradient.elements(as: Double.self)
    ).map { $0 * $1 }
    #expect(try distance(map.values, Tensor(product, shape: input.shape)) < 1e-7)
  }

  /// Networks with products of activations, attention or normalisation by the data.
  private static let refused = ["mobile", "mobile-dynamo", "response", "transformer"]
}
