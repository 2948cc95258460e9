import Ascribe
import Attribution
import Evaluation
import Foundation
import Graphs
import TestSupport
import Testing

struct DataSetEvaluationTests {
  private static let root = GoldenModel.folder.deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let images = root.appending(path: "models/shapes/images").path

  private let scratch: Scratch
  private var folder: String { scratch.path }

  init() throws { scratch = try Scratch() }

  private func model(_ name: String) throws -> Model {
    try Model(contentsOf: Self.root.appending(path: "models/\(name).onnx"))
  }

  /// A folder of classes that holds some of the pictures.
  private func pictures(_ names: [String]) throws -> String {
    for name in names {
      let path = "\(folder)/pictures/\(name)"
      try FileManager.default.createDirectory(
        atPath: URL(filePath: path).deletingLastPathComponent().path,
        withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: "\(Self.images)/\(name)", toPath: path)
    }
    return folder + "/pictures"
  }

  private func options(_ methods: [String], _ metrics: [Metric]) throws -> EvaluationOptions {
    var options = EvaluationOptions()
    var defaults = MethodDefaults()
    defaults.integration = .steps(128, .gaussLegendre)
    options.methods = try methods.map { try Method($0, defaults: defaults) }
    options.metrics = metrics
    return options
  }

  private func run(
    _ models: [Model], _ data: String, _ options: EvaluationOptions, into name: String,
    isStopped: () -> Bool = { false }
  ) throws -> DataSetEvaluation.Outcome {
    try DataSetEvaluation(models, on: data, options: options)
      .run(into: "\(folder)/\(name)", isStopped: isStopped)
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
    let names: [String]
    let results: [Result]
  }

  /// All metrics of 20 pictures against a program in PyTorch and NumPy that was written from the
  /// definitions alone: Tests/Reference.
  @Test func metricsAreThoseOfTheReference() throws {
    let reference = try JSONDecoder().decode(
      Reference.self,
      from: Data(contentsOf: GoldenModel.folder.appending(path: "evaluation.json")))
    var options = try options(
      ["ig:128", "gradient", "input-x-gradient"],
      Metric.allCases.filter { $0 != .infidelity && $0 != .maxSensitivity })
    options.masks = Self.root.appending(path: "models/shapes/masks").path
    _ = try run([model("shapes")], pictures(reference.names), options, into: "all.sqlite")
    let summary = try ResultSummary(contentsOf: "\(folder)/all.sqlite")
    for result in reference.results {
      let ours = try #require(
        summary.results.first {
          $0.model == "shapes" && $0.metric == result.metric
            && ($0.method == result.method
              || $0.method?.hasPrefix("ig") == true && result.method?.hasPrefix("ig") == true)
        }, "\(result.method ?? "") \(result.metric)")
      let count = Double(result.values.count)
      let mean = result.values.reduce(0, +) / count
      // Near ties of pixels fall otherwise in the reference's float64, so means near 0 are judged by the
      // size of what they are means of.
      let scale = result.values.map(abs).max() ?? 0
      #expect(
        abs(ours.mean - mean) <= 1e-3 * scale + 1e-6,
        "\(result.method ?? "") \(result.metric): \(ours.mean), reference \(mean)")
    }
  }

  /// Shards, interruptions and other models beside it change no bit of what a model gives.
  @Test func dividedRunsGiveTheSame() throws {
    let data = try pictures(
      (0..<20).map { "star/0\($0 / 10)\($0 % 10).png" }
        + (0..<17).map { "ring/0\($0 / 10)\($0 % 10).png" })
    let models = [try model("pairs/alexnet"), try model("pairs/alexnet-x")]
    let options = try options(
      ["ig:8", "xg", "gradient", "expected-gradients:2", "random"],
      [.accuracy, .difference, .keepPositive, .removeAbsolute, .infidelity])
    #expect(try run(models, data, options, into: "whole.sqlite").isComplete)
    let whole = try json("whole.sqlite")

    var questions = 0
    var outcome: DataSetEvaluation.Outcome
    repeat {
      outcome = try run(models, data, options, into: "stopped.sqlite") {
        questions += 1
        return questions % 9 == 0
      }
    } while !outcome.isComplete && questions < 1000
    #expect(outcome.isComplete && questions > 30)
    #expect(try json("stopped.sqlite") == whole)

    let shards = (1...3).map { "\(folder)/\($0).sqlite" }
    for number in 1...3 {
      var options = options
      options.shard = try #require(Shard("\(number)/3"))
      #expect(try run(models, data, options, into: "\(number).sqlite").isComplete)
    }
    #expect(try ResultMerge.merge(shards.reversed(), into: folder + "/merged.sqlite").samples == 37)
    #expect(try json("merged.sqlite") == whole)

    func refuses(_ shards: [String], _ part: String) {
      let error = #expect(throws: ModelError.self) {
        try ResultMerge.merge(shards, into: folder + "/none.sqlite")
      }
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
      #expect(!FileManager.default.fileExists(atPath: folder + "/none.sqlite"))
    }
    refuses([shards[0], shards[2]], "shard 2/3 missing")
    refuses(shards + [shards[1]], "given twice")
    refuses([shards[0], folder + "/whole.sqlite"], "1/1")
    var other = options
    other.seed = 1
    other.shard = try #require(Shard("2/3"))
    _ = try run(models, data, other, into: "other.sqlite")
    refuses([shards[0], folder + "/other.sqlite", shards[2]], "seed is 0 there, 1 here")
    other.seed = 0
    _ = try run(models, data, other, into: "part.sqlite") { true }
    refuses([shards[0], folder + "/part.sqlite", shards[2]], "not complete")
  }

  /// Broken pictures are rows with a reason; others are not concerned.
  @Test func brokenPicturesAreRecorded() throws {
    let data = try pictures(["star/000.png", "star/001.png", "star/002.png"])
    try Data("no picture".utf8).write(to: URL(filePath: data + "/star/001.png"))
    let options = try options(["gradient"], [.accuracy])
    let outcome = try run([model("shapes")], data, options, into: "some.sqlite")
    #expect(outcome.isComplete && outcome.failures == 1)
    let summary = try ResultSummary(contentsOf: "\(folder)/some.sqlite")
    #expect(summary.failures.map(\.name) == ["star/001.png"])
    #expect(summary.failures[0].reason.contains("not a JPEG, PNG"))
    #expect(summary.results.first?.n == 2)
    var strict = options
    strict.isStrict = true
    let error = #expect(throws: ModelError.self) {
      try run([model("shapes")], data, strict, into: "strict.sqlite")
    }
    #expect(error?.description.hasPrefix("star/001.png: not a JPEG") == true)
  }

  /// On a homogeneous model IG and the X-gradient are one; random maps keep as much as they remove.
  @Test func methodsOfTheXModel() throws {
    let options = try options(
      ["ig:32", "xg", "random"], [.difference, .keepPositive, .keepNegative])
    _ = try run([model("pairs/vgg-x")], Self.images, options, into: "x.sqlite")
    let summary = try ResultSummary(contentsOf: "\(folder)/x.sqlite")
    func result(_ method: String, _ metric: String) throws -> ResultSummary.Result {
      try #require(summary.results.first { $0.method == method && $0.metric == metric })
    }
    #expect(try result("xg", "difference").mean < 1)
    let (keep, drop) = (try result("random", "kpm"), try result("random", "knm"))
    let noise = try (#require(keep.standardError), #require(drop.standardError))
    #expect(abs(keep.mean - drop.mean) < 4 * (noise.0 * noise.0 + noise.1 * noise.1).squareRoot())
    #expect(try result("xg", "kpm").mean > 2 * result("random", "kpm").mean)
  }
}
