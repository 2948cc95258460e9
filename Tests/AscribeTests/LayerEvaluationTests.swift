import Ascribe
import Attribution
import Evaluation
import Foundation
import Graphs
import TestSupport
import Testing

/// Models of tokens, evaluated at their embedding.
struct LayerEvaluationTests {
  private static let golden = GoldenModel.folder.appending(path: "tokens")

  private static let mask = golden.appending(path: "tokens-mask.npy").path

  private let scratch: Scratch
  private var folder: String { scratch.path }

  init() throws { scratch = try Scratch() }

  private func options(_ methods: [String], _ metrics: [Metric]) throws -> EvaluationOptions {
    var options = EvaluationOptions()
    options.methods = try methods.map { try Method($0) }
    options.metrics = metrics
    options.layer = "embedded"
    return options
  }

  private func run(
    _ models: some Sequence<String>, _ options: EvaluationOptions, into name: String,
    isStopped: () -> Bool = { false }
  ) throws -> DataSetEvaluation.Outcome {
    let models = try models.map { try Model(contentsOf: Self.golden.appending(path: $0)) }
    return try DataSetEvaluation(
      models, on: Self.golden.appending(path: "tokens.npy").path, options: options
    ).run(into: "\(folder)/\(name)", isStopped: isStopped)
  }

  private func json(_ name: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(
      decoding: try encoder.encode(ResultSummary(contentsOf: "\(folder)/\(name)")), as: UTF8.self)
  }

  private struct Reference: Decodable {
    struct Result: Decodable {
      let method: String?
      let metric: String
      let values: [Double]
    }
    struct Case: Decodable {
      let model: String
      let inputs: [String: String]
      let baselines: [String]
      let results: [Result]
    }
    let layer: String
    let methods: [String]
    let cases: [Case]
  }

  /// Every metric that draws no noise against a program in PyTorch and NumPy, written from the
  /// definitions alone: Tests/Reference/tokens.py. Scores of the masked model depend on the tokens
  /// behind the layer, too; those of the third one on a second input, in the layer and behind it.
  @Test func metricsAreThoseOfTheReference() throws {
    let reference = try JSONDecoder().decode(
      Reference.self, from: Data(contentsOf: Self.golden.appending(path: "tokens.json")))
    let metrics = Metric.allCases.filter {
      $0.isDefinedAtLayers && $0 != .infidelity && $0 != .maxSensitivity
    }
    #expect(reference.cases.count == 4)
    for (number, item) in reference.cases.enumerated() {
      var options = try options(reference.methods, metrics)
      options.layer = reference.layer
      options.inputs = item.inputs.mapValues { Self.golden.appending(path: $0).path }
      options.baselines = try item.baselines.map {
        try #require(Baseline($0 == "zero" ? $0 : Self.golden.appending(path: $0).path))
      }
      _ = try run([item.model], options, into: "\(number).sqlite")
      let summary = try ResultSummary(contentsOf: "\(folder)/\(number).sqlite")
      #expect(summary.protocol.layer == "embedded")
      for result in item.results {
        let ours = try #require(
          summary.results.first {
            $0.metric == result.metric && ($0.method == result.method)
          }, "\(item.model) \(result.method ?? "") \(result.metric)")
        let value = try #require(ours.mean)
        let mean = result.values.reduce(0, +) / Double(result.values.count)
        let scale = result.values.map(abs).max() ?? 0
        #expect(
          abs(value - mean) <= 1e-4 * scale + 1e-9,
          "\(item.model) \(result.method ?? "") \(result.metric): \(value), reference \(mean)")
      }
    }
  }

  /// Shards, interruptions and another model beside it change no bit.
  @Test(arguments: [
    ["tokens.onnx"], ["tokens-masked.onnx", "tokens.onnx"], ["tokens.onnx", "tokens-given.onnx"],
  ])
  func dividedRunsGiveTheSame(models: [String]) throws {
    var options = try options(
      ["ig:8", "gradient", "expected-gradients:2", "smoothgrad:3", "random"],
      [.accuracy, .difference, .keepPositive, .insertion, .infidelity, .maxSensitivity])
    if models.contains("tokens-given.onnx") { options.inputs = ["mask": Self.mask] }
    #expect(try run(models, options, into: "whole.sqlite").isComplete)
    let whole = try json("whole.sqlite")
    var questions = 0
    var outcome: DataSetEvaluation.Outcome
    repeat {
      outcome = try run(models, options, into: "stopped.sqlite") {
        questions += 1
        return questions % 7 == 0
      }
    } while !outcome.isComplete && questions < 1000
    #expect(outcome.isComplete)
    #expect(try json("stopped.sqlite") == whole)
    let shards = (1...3).map { "\(folder)/\($0).sqlite" }
    for number in 1...3 {
      var options = options
      options.shard = try #require(Shard("\(number)/3"))
      #expect(try run(models, options, into: "\(number).sqlite").isComplete)
    }
    #expect(try ResultMerge.merge(shards, into: folder + "/merged.sqlite").samples == 24)
    #expect(try json("merged.sqlite") == whole)
    #expect(try run(models.suffix(1), options, into: "alone.sqlite").isComplete)
    let results = try ResultSummary(contentsOf: folder + "/alone.sqlite").results
    for result in results {
      let beside = try ResultSummary(contentsOf: folder + "/whole.sqlite").results.first {
        $0.model == result.model && $0.method == result.method && $0.metric == result.metric
      }
      #expect(beside?.mean == result.mean, "\(result)")
    }
  }

  /// A layer is part of what results depend on.
  @Test func anotherLayerIsAnotherEvaluation() throws {
    var options = try options(["gradient", "random"], [.keepPositive])
    _ = try run(["tokens.onnx"], options, into: "r.sqlite")
    options.layer = "mixed"
    let error = #expect(throws: ModelError.self) {
      try run(["tokens.onnx"], options, into: "r.sqlite")
    }
    #expect(error?.description.contains("layer is embedded there, mixed here") == true)
    options.shard = try #require(Shard("2/2"))
    _ = try run(["tokens.onnx"], options, into: "2.sqlite")
    options.layer = "embedded"
    options.shard = try #require(Shard("1/2"))
    _ = try run(["tokens.onnx"], options, into: "1.sqlite")
    let merge = #expect(throws: ModelError.self) {
      try ResultMerge.merge(
        [folder + "/1.sqlite", folder + "/2.sqlite"], into: folder + "/m.sqlite")
    }
    #expect(merge?.description.contains("layer is embedded there, mixed here") == true)
  }

  /// What further inputs get is part of what results depend on.
  @Test func anotherMaskIsAnotherEvaluation() throws {
    var options = try options(["gradient", "random"], [.keepPositive])
    options.inputs = ["mask": Self.mask]
    _ = try run(["tokens-given.onnx"], options, into: "r.sqlite")
    options.shard = try #require(Shard("1/2"))
    _ = try run(["tokens-given.onnx"], options, into: "1.sqlite")
    options.shard = .whole
    options.inputs["mask"] = try scratch.write(
      "ones.npy", Tensor([Int64](repeating: 1, count: 12)).npyData())
    let error = #expect(throws: ModelError.self) {
      try run(["tokens-given.onnx"], options, into: "r.sqlite")
    }
    #expect(error?.description.contains("models[0].inputs.mask is 24 rows ") == true)
    options.shard = try #require(Shard("2/2"))
    _ = try run(["tokens-given.onnx"], options, into: "2.sqlite")
    let merge = #expect(throws: ModelError.self) {
      try ResultMerge.merge(
        [folder + "/1.sqlite", folder + "/2.sqlite"], into: folder + "/m.sqlite")
    }
    #expect(merge?.description.contains("models[0].inputs.mask is 24 rows ") == true)
  }

  /// Rows that change after the evaluation was prepared fail their samples.
  @Test func rowsThatChangeMeanwhile() throws {
    var options = try options(["gradient"], [.gini])
    let path = try scratch.write("mask.npy", bytes(of: Self.mask))
    options.inputs = ["mask": path]
    let evaluation = try DataSetEvaluation(
      [Model(contentsOf: Self.golden.appending(path: "tokens-given.onnx"))],
      on: Self.golden.appending(path: "tokens.npy").path, options: options)
    // In place, as the file is mapped; the last byte belongs to the last row.
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.seek(toOffset: try file.seekToEnd() - 1)
    try file.write(contentsOf: Data([1]))
    try file.close()
    #expect(try evaluation.run(into: folder + "/r.sqlite").failures == 1)
    let failures = try ResultSummary(contentsOf: folder + "/r.sqlite").failures
    #expect(failures.map(\.name) == ["row-000023"])
    #expect(failures.first?.reason.hasPrefix("its row of input 'mask': it changed") == true)
  }

  /// Methods and metrics have one notion of place: what occlusion hides together, metrics rank together.
  @Test func occlusionHidesTokens() throws {
    var options = try options(["occlusion:patch=1:stride=1"], [.keepPositive, .gini])
    options.mapFolder = folder + "/maps"
    #expect(try run(["tokens.onnx"], options, into: "r.sqlite").failures == 0)
    let map = try Tensor(
      npy: bytes(of: folder + "/maps/tokens/occlusion-patch-1-stride-1/row-000003.npy"))
    let values = map.elements(as: Float.self)
    #expect(values.count == 72 && Set(values).count > 4)
    for token in 0..<12 { #expect(Set(values[(6 * token)..<(6 * token + 6)]).count == 1) }
  }

  /// Feature maps of a model of pictures: places are those of the map, channels first.
  @Test func aLayerOfAModelOfPictures() throws {
    let root = GoldenModel.folder.deletingLastPathComponent().deletingLastPathComponent()
    var options = try options(["gradient", "ig:4"], [.keepPositive, .deletion, .gini])
    let model = try Model(contentsOf: root.appending(path: "models/shapes.onnx"))
    options.layer = try #require(model.layers.first { $0.operatorName == "MaxPool" }?.name)
    options.mapFolder = folder + "/maps"
    let outcome = try DataSetEvaluation(
      [model], on: root.appending(path: "models/shapes/images/star").path, options: options
    ).run(into: folder + "/r.sqlite")
    #expect(outcome.isComplete && outcome.failures == 0)
    let map = try Tensor(
      npy: bytes(of: folder + "/maps/shapes/gradient/000.png.npy"))
    var explaining = AttributionOptions()
    explaining.method = .gradient
    explaining.layer = options.layer
    let picture = Tensor(repeating: 0.0, shape: [1, 3, 64, 64]).converted(to: .float32)
    let explained = try ModelSession(model).explain([picture], options: explaining)
    #expect(map.elementCount == explained[0][0].map.values.elementCount)
  }
}
