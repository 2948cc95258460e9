import Foundation
import Tensors
import TestSupport
import Testing

/// What `ascribe evaluate` measures, by numbers known beforehand.
struct EvaluateMetricTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private struct Summary: Decodable {
    struct Result: Decodable {
      let method: String?
      let metric: String
      let n: Int
      let mean: Double
    }
    let results: [Result]

    func mean(_ metric: String, _ method: String) -> Double? {
      results.first { $0.metric == metric && $0.method?.hasPrefix(method) == true }?.mean
    }
  }

  private func evaluate(_ model: String, _ data: String, _ options: [String]) throws -> Summary {
    let output = "\(scratch.path)/\(UUID().uuidString).sqlite"
    try succeeds(["evaluate", model, "--data", data, "--output", output, "--quiet"] + options)
    return try JSONDecoder().decode(
      Summary.self, from: Data(succeeds(["summary", output, "--json"]).output.utf8))
  }

  /// Probabilities of the model's own Softmax are not put through another one.
  @Test func insertionInTheSpaceOfProbabilities() throws {
    var softmax = TinyModel.linear(
      weights: (0..<32).map { Float(($0 * 7) % 11) / 4 - 1 }, biases: [1, 0], tail: "Softmax")
    softmax.initializers[0].dimensions = [2, 16]
    softmax.nodes[0].inputs[0] = "flat"
    softmax.nodes.insert(
      TinyModel.Node(type: "Flatten", inputs: ["x"], outputs: ["flat"], name: "flatten"), at: 0)
    softmax.inputs[0].dimensions = [TinyModel.batch, 1, 4, 4]
    let model = try scratch.write("soft.onnx", softmax.bytes)
    let pictures = Tensor((0..<48).map { Float(($0 * 5) % 17) / 8 - 1 }, shape: [3, 1, 4, 4])
    let data = try scratch.write("x.npy", pictures.npyData())
    let summaries = try ["logit", "softmax", "y"].map { space in
      try evaluate(
        model, data,
        ["--methods", "random", "--metrics", "insertion,deletion", "--target-space", space])
    }
    for metric in ["insertion", "deletion"] {
      let expected = try #require(summaries[0].mean(metric, "random"))
      for summary in summaries {
        let mean = try #require(summary.mean(metric, "random"))
        #expect(abs(mean - expected) < 1e-6, "\(metric): \(mean), \(expected)")
      }
    }
  }

  /// Every method is held to the difference that it promises, of a model with biases.
  @Test func completenessOfOtherStarts() throws {
    let data = Program.packageRoot + "/models/shapes/images/star"
    for name in ["000.png", "001.png"] {
      try scratch.write("x/\(name)", bytes(of: "\(data)/\(name)"))
    }
    let summary = try evaluate(
      Program.shapes, scratch.path + "/x",
      [
        "--methods", "fullgrad,auto,ig:64,blur-ig,guided-ig:20", "--metrics", "completeness",
        "--target",
        "argmax",
      ])
    #expect(try #require(summary.mean("completeness", "fullgrad")) < 1e-4)
    #expect(try #require(summary.mean("completeness", "auto")) < 0.05)
    #expect(try #require(summary.mean("completeness", "ig:64")) < 0.05)
    #expect(try #require(summary.mean("completeness", "blur-ig")) < 1e-4)
    #expect(try #require(summary.mean("completeness", "guided-ig:20")) < 1e-4)
  }

  /// A grey picture of 64x64 pixels, a BMP file of 24 bits a pixel.
  private static func bitmap(_ grey: UInt8) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> (8 * $0) & 255) } }
    let size = 64 * 64 * 3
    return Array("BM".utf8) + word(54 + size) + word(0) + word(54) + word(40) + word(64) + word(64)
      + [1, 0, 24, 0] + word(0) + word(size) + [UInt8](repeating: 0, count: 16)
      + [UInt8](repeating: grey, count: size)
  }

  /// Masks that show no object give no value, which is said.
  @Test func blackMasks() throws {
    for (name, mask) in [("a", 255), ("b", 0), ("c", 0)] as [(String, UInt8)] {
      try scratch.write("pictures/\(name).bmp", Self.bitmap(90))
      try scratch.write("masks/\(name).bmp", Self.bitmap(mask))
    }
    let output = scratch.path + "/r.sqlite"
    let arguments = [
      "evaluate", Program.shapes, "--data", scratch.path + "/pictures", "--masks",
      scratch.path + "/masks", "--methods", "gradient", "--metrics", "pointing,relevance-mass",
      "--output", output,
    ]
    let note =
      "no pixel reaches 128 after preprocessing in 2 of 3 masks: pointing game and relevance mass "
      + "have no value there\n"
    let outcome = try Program.run(arguments)
    #expect(outcome.code == 0 && outcome.errors.contains("note: " + note), "\(outcome.errors)")
    let text = try succeeds(["summary", output, "--csv"]).output
    #expect(text.contains("pointing,1,100") && text.contains("relevance-mass,1,1"), "\(text)")
    #expect(try succeeds(["summary", output]).output.contains("\n" + note))
    // The note is one of the file, whichever run it was that saw the masks.
    #expect(try succeeds(arguments).errors.contains(note))
    let shards = (1...2).map { scratch.path + "/\($0).sqlite" }
    for (number, shard) in shards.enumerated() {
      let part = ["--shard", "\(number + 1)/2", "--quiet", "--output", shard]
      #expect(try succeeds(arguments.dropLast(2) + part).errors.isEmpty)
    }
    let merged = ["merge"] + shards + ["--output", scratch.path + "/merged.sqlite"]
    #expect(try succeeds(merged).errors.contains(note))
    try scratch.write("masks/a.bmp", Self.bitmap(0))
    try FileManager.default.removeItem(atPath: output)
    try succeeds(arguments + ["--quiet"])
    let rows = try succeeds(["summary", output, "--csv"]).output
    #expect(rows.contains("gradient,pointing,0,,\n"), "\(rows)")
    #expect(rows.contains("gradient,relevance-mass,0,,\n"), "\(rows)")
    let json = try succeeds(["summary", output, "--json"]).output
    #expect(json.contains(#/"mean" ?: ?null/#) && json.contains(#/"black" ?: ?3/#), "\(json)")
  }
}
