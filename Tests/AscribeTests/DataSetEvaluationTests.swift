import Ascribe
import Attribution
import Evaluation
import Foundation
import Graphs
import Tensors
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
      let value = try #require(ours.mean)
      // Near ties of pixels and of rectifiers fall otherwise in the reference's float64 (one picture of
      // twenty by 0.05 of 2.4), so means near 0 are judged by the size of what they are means of.
      let scale = result.values.map(abs).max() ?? 0
      #expect(
        abs(value - mean) <= 2e-3 * scale + 1e-6,
        "\(result.method ?? "") \(result.metric): \(value), reference \(mean)")
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

    // At regular distances every run could stop in the same place.
    var generator = SplitMix64(seed: 1)
    var questions = 0
    var outcome: DataSetEvaluation.Outcome
    repeat {
      outcome = try run(models, data, options, into: "stopped.sqlite") {
        questions += 1
        return generator.next() % 9 == 0
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

  /// What a map costs does not depend on how batches are filled up.
  @Test func passesAreThoseThatASampleNeeds() throws {
    let data = try pictures(["star/000.png", "star/001.png", "ring/000.png"])
    let expected = [
      // 64x64 pixels hold 16 patches; the score at the point is one more.
      "occlusion:patch=16:stride=16": (17.0, 0.0), "blur-ig:5": (8, 6), "guided-ig:3": (9, 7),
      "guided-ig:3:quadrature=left": (5, 3),
      "smoothgrad:3:of=ig:4": (18, 12), "smoothgrad:3": (3, 3), "ig:20": (22, 20),
      "expected-gradients:5": (5, 5), "gradient": (1, 1),
    ]
    let options = try options(expected.keys.sorted(), [.gini])
    _ = try run([model("shapes")], data, options, into: "r.sqlite")
    let results = try ResultSummary(contentsOf: "\(folder)/r.sqlite").results
    let methods = options.methods.map(\.description)
    for (method, name) in zip(methods, expected.keys.sorted()) {
      let (forward, backward) = try #require(expected[name])
      func mean(_ metric: String) -> Double? {
        results.first { $0.method == method && $0.metric == metric }?.mean
      }
      #expect(mean("forward-passes") == forward, "\(method)")
      #expect(mean("backward-passes") == backward, "\(method)")
    }
  }

  /// Maps from several baselines are means of those from each; a folder is known by its content.
  @Test func severalBaselines() throws {
    let data = try pictures(["star/000.png", "star/001.png"])
    let others = ["ring/000.png", "ring/001.png"].map { "\(Self.images)/\($0)" }
    for (index, path) in others.enumerated() {
      try scratch.write("compared/\(index).png", bytes(of: path))
    }
    func maps(_ name: String, _ baselines: [Baseline]) throws -> [Double] {
      var options = try self.options(["ig:8"], [.completeness, .infidelity])
      options.baselines = baselines
      options.mapFolder = "\(folder)/\(name)"
      _ = try run([model("shapes")], data, options, into: "\(name).sqlite")
      let method = options.methods[0].description.replacing(/[:=]/, with: "-")
      let file = "\(folder)/\(name)/shapes/\(method)/star/000.png.npy"
      return try Tensor(npy: bytes(of: file))
        .converted(to: .float64).elements(as: Double.self)
    }
    let each = try others.enumerated().map { try maps("\($0.offset)", [.file($0.element)]) }
    let mean = zip(each[0], each[1]).map { ($0 + $1) / 2 }
    let list = try maps("list", others.map(Baseline.file))
    let folderMaps = try maps("folder", [.file("\(folder)/compared")])
    let size = mean.map(abs).max() ?? 0
    #expect(zip(list, mean).allSatisfy { abs($0 - $1) <= 1e-6 * size })
    #expect(folderMaps == list)
    let protocols = try ["0", "list", "folder"].map {
      try ResultSummary(contentsOf: "\(folder)/\($0).sqlite").protocol.baseline
    }
    #expect(protocols[0].hasPrefix("file ") && protocols[1].hasPrefix(protocols[0] + ",file "))
    #expect(protocols[2].hasPrefix("folder of 2 "))

    try FileManager.default.moveItem(
      atPath: "\(folder)/compared", toPath: "\(folder)/elsewhere")
    var options = try options(["ig:8"], [.completeness, .infidelity])
    options.baselines = [.file("\(folder)/elsewhere")]
    #expect(try run([model("shapes")], data, options, into: "folder.sqlite").isComplete)
    try scratch.write("elsewhere/0.png", bytes(of: others[1]))
    let error = #expect(throws: ModelError.self) {
      try run([model("shapes")], data, options, into: "folder.sqlite")
    }
    #expect(error?.description.contains("baseline is folder of 2 ") == true)
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

  /// Results are kept under the digest of what was looked at first.
  @Test func picturesThatChangeMeanwhile() throws {
    let data = try pictures(["star/000.png", "star/001.png"])
    let evaluation = try DataSetEvaluation(
      [model("shapes")], on: data, options: options(["gradient"], [.gini]))
    try Data(bytes(of: Self.images + "/ring/000.png"))
      .write(to: URL(filePath: data + "/star/001.png"))
    let outcome = try evaluation.run(into: "\(folder)/changed.sqlite")
    #expect(outcome.failures == 1)
    let failures = try ResultSummary(contentsOf: "\(folder)/changed.sqlite").failures
    #expect(failures.map(\.name) == ["star/001.png"])
    #expect(failures.first?.reason.contains("it changed after the evaluation began") == true)
  }

  /// So with masks.
  @Test func masksThatChangeMeanwhile() throws {
    let names = ["star/000.png", "star/001.png"]
    let data = try pictures(names)
    let masks = Self.root.appending(path: "models/shapes/masks").path
    for name in names { try scratch.write("masks/\(name)", bytes(of: "\(masks)/\(name)")) }
    var options = try options(["gradient"], [.relevanceMass])
    options.masks = folder + "/masks"
    let evaluation = try DataSetEvaluation([model("shapes")], on: data, options: options)
    try scratch.write("masks/star/000.png", bytes(of: masks + "/star/001.png"))
    #expect(try evaluation.run(into: "\(folder)/changed.sqlite").failures == 1)
    let failures = try ResultSummary(contentsOf: "\(folder)/changed.sqlite").failures
    #expect(failures.map(\.name) == ["star/000.png"])
    #expect(failures.first?.reason.contains("its mask changed after the evaluation began") == true)
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
    #expect(try #require(result("xg", "difference").mean) < 1)
    let (keep, drop) = (try result("random", "kpm"), try result("random", "knm"))
    let noise = try (#require(keep.standardError), #require(drop.standardError))
    let distance = try #require(keep.mean) - #require(drop.mean)
    #expect(abs(distance) < 4 * (noise.0 * noise.0 + noise.1 * noise.1).squareRoot())
    #expect(try #require(result("xg", "kpm").mean) > 2 * #require(keep.mean))
  }

  /// Grey of 0 and 255, or of 0 and 1, is a mask; others say nothing of where the object is.
  @Test func masksOfOnesAndOfColours() throws {
    let picture = URL(filePath: Self.images + "/star/000.png")
    let star = try Picture(contentsOf: picture.path)
    for (name, colour) in [
      ("a", [255, 255, 255]), ("b", [1, 1, 1]), ("c", [127, 127, 127]), ("d", [255, 0, 0]),
    ] as [(String, [UInt8])] {
      try scratch.write("pictures/\(name).png", bytes(of: picture.path))
      let pixels = (0..<(star.width * star.height)).flatMap {
        $0 % star.width < 20 ? colour : [0, 0, 0]
      }
      let mask = Picture(width: star.width, height: star.height, pixels: pixels)
      try scratch.write("masks/\(name).png", mask.pngData())
    }
    var options = try options(["gradient"], [.relevanceMass])
    options.masks = folder + "/masks"
    _ = try run([model("shapes")], folder + "/pictures", options, into: "masks.sqlite")
    let summary = try ResultSummary(contentsOf: folder + "/masks.sqlite")
    #expect(
      summary.failures.map(\.reason) == [
        "no pixel of its mask reaches 128, the brightest is 127; write 255 on the object, or 0 and 1",
        "its mask has colours, such as 255, 0, 0; write it as grey, 255 on the object",
      ])
    // The pictures are the same, so that both masks give one value.
    let mass = try #require(summary.results.first { $0.metric == "relevance-mass" })
    #expect(mass.n == 2 && mass.standardError == 0 && mass.mean ?? 0 > 0)
  }

  /// One label means one class for all models of a run.
  @Test func modelsOfOtherClasses() throws {
    let data = try pictures(["star/000.png", "ring/000.png"])
    let source = Self.root.appending(path: "models/shapes")
    let labels = try String(contentsOfFile: source.path + ".labels.txt", encoding: .utf8)
      .split(separator: "\n").map(String.init)
    for (name, list) in [("a", labels), ("b", labels.reversed())] {
      try scratch.write("\(name).onnx", bytes(of: source.path + ".onnx"))
      try scratch.write("\(name).labels.txt", list.joined(separator: "\n"))
    }
    let models = try ["a", "b"].map {
      try Model(contentsOf: URL(filePath: "\(folder)/\($0).onnx"))
    }
    let options = try options([], [.accuracy])
    let error = #expect(throws: ModelError.self) {
      try DataSetEvaluation(models, on: data, options: options)
    }
    #expect(
      error?.description.contains("name score 0 '\(labels[labels.count - 1])'") == true,
      "\(error?.description ?? "")")
    let file = source.path + ".labels.txt"
    _ = try DataSetEvaluation(models, on: data, labels: file, options: options)
  }
}
