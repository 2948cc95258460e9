import Ascribe
import Attribution
import Foundation
import Graphs
import Kernels
import ONNXFormat
import Rewrites
import Tensors
import Testing

/// A model of the test set in one of its forms.
struct ConvertedModel: CustomTestStringConvertible {
  enum Form: String, CaseIterable {
    case original, stripped, replaced
  }

  let path: String
  let form: Form

  var testDescription: String { "\(URL(filePath: path).lastPathComponent) \(form)" }

  static let paths: [String] = {
    let root = GoldenModel.folder.deletingLastPathComponent().deletingLastPathComponent()
    return ["Tests/Golden", "models", "models/pairs"].flatMap { folder -> [String] in
      let folder = root.appending(path: folder).path
      let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return files.filter { $0.hasSuffix(".onnx") }.sorted().map { "\(folder)/\($0)" }
    }
  }()

  static let all = paths.flatMap { path in
    Form.allCases.map { ConvertedModel(path: path, form: $0) }
  }

  func graph() throws -> Graph {
    let imported = try ModelFile(opening: path).graph()
    switch form {
    case .original: return imported
    case .stripped: return try imported.strippingBiases(in: Workspace()).graph
    case .replaced:
      return try imported.strippingBiases(in: Workspace()).graph.replacingBreakers().graph
    }
  }

  /// The scores as a function of one random sample.
  func function() throws -> (ModelFunction, Tensor) {
    let graph = try graph()
    let shape = try #require(graph.defaultShapes?.first)
    let function = try ModelFunction(graph, explaining: 0, shape: shape, in: Workspace())
    let point = Tensor.noise(shape: Shape([1] + function.pointShape), seed: 7)
    return (function, point.converted(to: function.elementType))
  }
}

@Suite struct ConversionTests {
  @Test func theModelsAreThere() { #expect(ConvertedModel.paths.count >= 15) }

  /// The walk's verdict against the numbers: a proved degree holds within rounding, and without one no
  /// degree comes near.
  @Test(arguments: ConvertedModel.all)
  func theWalkIsRight(model: ConvertedModel) throws {
    let (function, point) = try model.function()
    let degree = try function.homogeneity().degree
    let scores = try function.scores(at: point)[0]
    for factor in [1e-3, 0.25, 3, 1e3] {
      let scaled = try function.scores(at: point.scaled(by: factor))[0]
      if let degree {
        #expect(relativeDistance(scaled, scores.map { pow(factor, Double(degree)) * $0 }) < 1e-5)
      }
    }
    guard degree == nil else { return }
    for candidate in 1...3 {
      let distances = try [1e-3, 0.25, 3, 1e3].map { factor in
        relativeDistance(
          try function.scores(at: point.scaled(by: factor))[0],
          scores.map { pow(factor, Double(candidate)) * $0 })
      }
      #expect((distances.max() ?? 0) > 1e-3, "degree \(candidate) holds but is not proved")
    }
  }

  /// F(0) = 0, and the X-gradient adds up to the score.
  @Test(arguments: ConvertedModel.all)
  func homogeneousModelsObeyEuler(model: ConvertedModel) throws {
    let (function, point) = try model.function()
    guard try function.homogeneity().degree != nil else { return }
    #expect(try function.scores(at: point.scaled(by: 0))[0].allSatisfy { $0 == 0 })
    let scores = try function.scores(at: point)[0]
    let size = scores.map(abs).max() ?? 0
    for target in scores.indices.prefix(3) {
      let map = try xGradient(function, at: point, target: target)
      #expect(abs(map.sum - scores[target]) <= 1e-4 * max(abs(scores[target]), 0.1 * size))
    }
  }

  private func xGradient(
    _ function: ModelFunction, at point: Tensor, target: Int
  ) throws -> AttributionMap {
    try XGradient().maps(
      of: Problem(function, at: point, baseline: point.zeros(), target: target))[0].map
  }

  /// One pass gives what 128 steps of Integrated Gradients give.
  @Test(arguments: ConvertedModel.all.filter { $0.form == .replaced })
  func xGradientIsIntegratedGradients(model: ConvertedModel) throws {
    let (function, point) = try model.function()
    guard try function.homogeneity().degree != nil else { return }
    let map = try xGradient(function, at: point, target: 1)
    let reference = try function.pathIntegral(
      from: point.scaled(by: 0), to: point, target: 1, by: .steps(32, .gaussLegendre))
    #expect(try distance(map.values, reference.values) < 5e-3)
  }

  @Test func whatBreaksHomogeneityIsNamed() throws {
    let expected: [String: Set<String>] = [
      "response": ["LRN"], "separable": ["Clip"],
      "mobile": ["HardSwish", "HardSigmoid", "Sigmoid", "Clip"],
      "transformer": ["Add", "LayerNormalization", "Softmax", "Erf"],
      "perceptron": ["Tanh", "Sigmoid"],
    ]
    for (name, operators) in expected {
      let url = GoldenModel.folder.appending(path: "\(name).onnx")
      let report = try Model(contentsOf: url).strippingBiases().report
      #expect(report.homogeneity.degree == nil)
      #expect(Set(report.homogeneity.breakers.map(\.operator)) == operators, "\(name)")
    }
  }

  @Test func honestStandInsReplaceBreakers() throws {
    var options = ConversionOptions()
    options.replacesBreakers = true
    for (name, count) in [("response", 2), ("separable", 5), ("mobile", 4)] {
      let url = GoldenModel.folder.appending(path: "\(name).onnx")
      let report = try Model(contentsOf: url).strippingBiases(options).report
      #expect(report.replaced.count == count, "\(name)")
      #expect((report.homogeneity.degree == 1) == (name != "mobile"), "\(name)")
    }
  }

  @Test func constantsInDoubtAreLeftUnlessNamed() throws {
    let url = GoldenModel.folder.appending(path: "transformer.onnx")
    let model = try Model(contentsOf: url)
    #expect(try model.strippingBiases().report.kept.map(\.elements) == [72, 1])
    var options = ConversionOptions()
    options.alsoStripped = ["0.positions"]
    let report = try model.strippingBiases(options).report
    #expect(report.kept.map(\.elements) == [1])
    #expect(report.removed.contains { $0.name == "0.positions" })
    options.alsoStripped = ["nothing"]
    #expect(throws: ModelError.self) { try model.strippingBiases(options) }
    options = ConversionOptions()
    options.isStrict = true
    #expect(throws: ModelError.self) { try model.strippingBiases(options) }
  }

  /// What is written and read again computes the same bits, holds the untouched weights bit for bit, and
  /// says where it comes from.
  @Test(arguments: ConvertedModel.paths)
  func theFileIsTheModel(path: String) throws {
    let conversion = try Model(contentsOf: URL(filePath: path)).strippingBiases()
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try OutputFile.makeFolder(folder.path)
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appending(path: "bare.onnx")
    try conversion.write(to: output)
    let written = try Model(contentsOf: output)
    let shape = try #require(try ModelFile(opening: path).graph().defaultShapes?.first)
    let input = Tensor.noise(shape: shape, seed: 3).converted(to: .float32)
    let expected = try ModelSession(conversion.model).run([input])
    let actual = try ModelSession(written).run([input])
    #expect(zip(actual, expected).allSatisfy { $0.bytes == $1.bytes })
    let messages = try ModelFile(opening: output.path).messages()
    #expect(messages.metadata["ascribe.source.sha256"] == conversion.original.sha256())
    let source = try ModelFile(opening: path).messages()
    let weights = Dictionary(
      uniqueKeysWithValues: source.graph.initializers.map { ($0.name, $0.tensor) })
    for item in messages.graph.initializers {
      guard let original = weights[item.name] else { continue }
      #expect(item.tensor.bytes == original.bytes, "\(item.name)")
    }
    #expect(source.graph.inputs.map(\.name) == messages.graph.inputs.map(\.name))
    #expect(source.graph.outputs.map(\.name) == messages.graph.outputs.map(\.name))
    #expect(messages.producer == source.producer)
    #expect(messages.graph.name == source.graph.name)
    #expect(messages.graph.metadata == source.graph.metadata)
    let notes = Dictionary(
      source.graph.nodes.map { ($0.outputs[0], $0.metadata) }, uniquingKeysWith: { $1 })
    for node in messages.graph.nodes where notes[node.outputs[0]] != nil {
      #expect(node.metadata == notes[node.outputs[0]])
    }
  }

  /// A model without a bias is written with the same nodes and weights.
  @Test func nothingToStripLeavesTheGraph() throws {
    let url = GoldenModel.folder.appending(path: "convolutions.onnx")
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try OutputFile.makeFolder(folder.path)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (first, second) = (folder.appending(path: "1.onnx"), folder.appending(path: "2.onnx"))
    try Model(contentsOf: url).strippingBiases().write(to: first)
    let again = try Model(contentsOf: first).strippingBiases()
    #expect(again.report.removed.isEmpty)
    try again.write(to: second)
    let (a, b) = (
      try ModelFile(opening: first.path).messages(), try ModelFile(opening: second.path).messages()
    )
    for (node, other) in zip(a.graph.nodes, b.graph.nodes) {
      #expect(node.label == other.label)
      #expect(node.inputs + node.outputs == other.inputs + other.outputs)
      #expect(
        node.attributes.mapValues { "\($0)" } == other.attributes.mapValues { "\($0)" })
    }
    #expect(a.graph.nodes.count == b.graph.nodes.count)
    #expect(a.graph.initializers.map(\.name) == b.graph.initializers.map(\.name))
    #expect(
      zip(a.graph.initializers, b.graph.initializers).allSatisfy {
        $0.tensor.bytes == $1.tensor.bytes
      })
  }

  /// What does not fit a message lies in a file beside it, and is mapped from there.
  @Test func largeModelsHaveExternalData() throws {
    let path = GoldenModel.folder.appending(path: "residual.onnx").path
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try OutputFile.makeFolder(folder.path)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try ModelFile(opening: path)
    let encoded = try file.graph().encoded(
      like: try file.messages(), externalName: "large.onnx.data", limit: 1000)
    #expect(!encoded.externalData.isEmpty)
    let copy = folder.appending(path: "large.onnx")
    try OutputFile.write(encoded.externalData, to: copy.path + ".data")
    try OutputFile.write(encoded.model.pieces, to: copy.path)
    let input = Tensor.noise(shape: [2, 3, 20, 20], seed: 5).converted(to: .float32)
    let expected = try ModelSession(Model(contentsOf: URL(filePath: path))).run([input])
    let actual = try ModelSession(Model(contentsOf: copy)).run([input])
    #expect(zip(actual, expected).allSatisfy { $0.bytes == $1.bytes })
    #expect(try ModelFile(opening: copy.path).check() == .valid)
  }

  @Test func theModelItselfIsNotOverwritten() throws {
    let url = GoldenModel.folder.appending(path: "response.onnx")
    let conversion = try Model(contentsOf: url).strippingBiases()
    #expect(throws: ModelError.self) { try conversion.write(to: url) }
  }
}

private func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
  let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  return (difference / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
}

extension Tensor {
  /// The elements times a number, in the same type.
  fileprivate func scaled(by factor: Double) -> Tensor {
    Tensor(converted(to: .float64).elements(as: Double.self).map { $0 * factor }, shape: shape)
      .converted(to: elementType)
  }

  /// The elements as they lie in memory.
  fileprivate var bytes: [UInt8] {
    defer { withExtendedLifetime(storage) {} }
    return [UInt8](UnsafeRawBufferPointer(start: address, count: byteCount))
  }
}
