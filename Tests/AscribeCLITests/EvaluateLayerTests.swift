import Foundation
import Tensors
import TestSupport
import Testing

/// `ascribe evaluate --layer` and `--baseline` as their users run them.
struct EvaluateLayerTests {
  private static let tokens = Program.packageRoot + "/Tests/Golden/tokens/tokens.onnx"

  private let scratch: Scratch
  private let output: String

  init() throws {
    scratch = try Scratch()
    output = scratch.path + "/r.sqlite"
  }

  private func lines(_ lines: String...) throws -> String {
    try scratch.write("text.tsv", lines.joined(separator: "\n") + "\n")
  }

  private let sound = "0\t1 2 3 4 5 6 7 8 9 10 11 12"

  /// Lines of tokens, broken ones among them, which are recorded.
  @Test func aDataSetOfText() throws {
    let data = try lines(
      sound, "1\t1 2 3 4 5 6 7 8 9 10 11 99", "2\t3,3,3,3,3,3,3,3,3,3,3,3", "1\t1 2 3",
      "1\t1 2 3 4 5 6 7 8 9 10 11 1.5", "1\t1 2 3 4 5 6 7 8 9 10 11 1e300")
    let line = try succeeds([
      "evaluate", Self.tokens, "--data", data, "--layer", "embedded", "--methods",
      "ig:8,gradient", "--output", output, "--quiet",
    ]).output
    #expect(line.hasSuffix("6 samples, 4 of them failed\n"))
    let text = try succeeds(["summary", output]).output
    #expect(
      text.hasPrefix(
        "6 of 6 samples, 4 failed; score of the label, layer 'embedded', baseline zero, float32"))
    for part in [
      "line-000002: node 'embedding' (Gather, opset 13): index 99 is out of range",
      "line-000004: it has 3 numbers, the model takes 12",
      "line-000005: 1.5 is none of the int64 numbers", "line-000006: 1e+300 is none of",
      "kpm ↑",
    ] { #expect(text.contains(part), "lacks '\(part)': \(text)") }
  }

  /// A baseline that has no value at the layer concerns those only who read it.
  @Test func baselinesThatNobodyReads() throws {
    let data = try lines(sound, sound)
    let baseline = try scratch.write(
      "unknown.npy", Tensor(repeating: 99.0, shape: [1, 12]).converted(to: .int64).npyData())
    for (methods, metrics, isRead) in [
      ("gradient,smoothgrad:2,random", "gini,difference,max-sensitivity,accuracy", false),
      ("input-x-gradient", "gini", false), ("ig:2", "gini", true),
      ("smoothgrad:2:of=ig:2", "gini", true),
      ("gradient", "infidelity", true), ("gradient", "kpm", true), ("gradient", "deletion", true),
      ("gradient", "completeness,gini", false), ("input-x-gradient", "completeness", true),
    ] {
      try? FileManager.default.removeItem(atPath: output)
      let line = try succeeds([
        "evaluate", Self.tokens, "--data", data, "--layer", "embedded", "--baseline", baseline,
        "--methods", methods, "--metrics", metrics, "--output", output, "--quiet",
      ]).output
      #expect(
        line.hasSuffix(isRead ? "2 samples, 2 of them failed\n" : "2 samples\n"),
        "\(methods) \(metrics)")
    }
  }

  /// Lines that have no value at the layer fail themselves, not those that they are compared with.
  @Test func referencesThatTheLayerRefuses() throws {
    let broken = "1\t1 2 3 4 5 6 7 8 9 10 11 99"
    let data = try lines(sound, broken, broken, broken, sound)
    let line = try succeeds([
      "evaluate", Self.tokens, "--data", data, "--layer", "embedded", "--methods",
      "expected-gradients:8", "--metrics", "gini", "--output", output, "--quiet",
    ]).output
    #expect(line.hasSuffix("5 samples, 3 of them failed\n"))
  }

  @Test func whatALayerCannotBe() throws {
    let data = try lines(sound)
    func refuses(
      _ options: [String], of model: String = Self.tokens, _ parts: String...,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try fails(
        ["evaluate", model, "--data", data, "--output", output] + options, code: 64,
        saying: parts, sourceLocation: sourceLocation)
    }
    let layer = ["--layer", "embedded"]
    try refuses([], "tokens.onnx: input 'ids' holds int64", "computed from it: --layer 'embedded'")
    try refuses(["--layer", "embeded"], "no layer 'embeded'", "embedded")
    try refuses(["--layer", "table"], "'table' is a constant")
    try refuses(["--layer", "ids"], "layer 'ids' is the input")
    let masked = Program.packageRoot + "/Tests/Golden/tokens/tokens-masked.onnx"
    try refuses(["--layer", "empty"], of: masked, "layer 'empty' holds bool")
    try refuses(layer + ["--metrics", "contrast"], "'contrast'", "less contrast", "--layer")
    try refuses(layer + ["--metrics", "kpm,pointing"], "'pointing'", "masks", "--layer")
    try refuses(layer + ["--methods", "conductance:layer=mixed"], "no map of what is evaluated")
    try refuses(layer + ["--methods", "xg"], "needs a homogeneous model")
    try refuses(layer + ["--baseline", "blur"], "'blur' needs a model of pictures")
    try refuses(layer + ["--baseline", "mean"], "'mean'", "int64")
    try refuses(layer + ["--preprocess", "unit"], "--preprocess", "'ids'")
    try refuses(["--metrics", "kpm", "--layer", "embedded", "--masks", scratch.path], "--masks")
    try refuses(layer + ["--methods", "blur-ig"], "blur-ig needs pictures")
    // A model beside it that has no such layer.
    var model = TinyModel.elementwise(dimensions: [TinyModel.batch, 12])
    model.nodes[0].name = "other"
    let other = try scratch.write("other.onnx", model.bytes)
    try fails(
      ["evaluate", Self.tokens, other, "--data", data, "--output", output] + layer, code: 64,
      saying: ["other.onnx: the model has no layer 'embedded'"])
    #expect(scratch.names() == ["other.onnx", "text.tsv"])
  }

  /// The mean over references of (x - x') times the gradient, which for a linear model is a weight.
  @Test func expectedGradientsDrawFromAFolder() throws {
    let model = try scratch.write("linear.onnx", TinyModel.linear().bytes)
    let data = try scratch.write("x.tsv", "0\t3 1 2\n1\t1 2 -1\n")
    try scratch.write(
      "others/only.npy", Tensor([1, 1, 0.5] as [Float], shape: [1, 3]).npyData())
    let maps = scratch.path + "/maps"
    try succeeds([
      "evaluate", model, "--data", data, "--methods", "expected-gradients:3,ig:2", "--metrics",
      "completeness,difference", "--baseline", scratch.path + "/others", "--save-maps", maps,
      "--output", output, "--quiet",
    ])
    for method in ["expected-gradients-3", "ig-2"] {
      for (name, expected) in [("line-000001", [2, 0, 4.5]), ("line-000002", [0, 4, 1.5])] {
        let file = maps + "/linear/\(method)/\(name).npy"
        let map = try Tensor(npy: bytes(of: file)).elements(as: Float.self).map(Double.init)
        #expect(zip(map, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(method): \(map)")
      }
    }
    let text = try succeeds(["summary", output]).output
    #expect(text.contains(/baseline folder of 1 [0-9a-f]{12}, float32/))
  }

  @Test func foldersThatCannotBeBaselines() throws {
    let data = try lines(sound)
    let arguments = [
      "evaluate", Self.tokens, "--data", data, "--layer", "embedded", "--output", output,
      "--baseline",
    ]
    try scratch.write("empty/notes.md", "none")
    try fails(
      arguments + [scratch.path + "/empty"], code: 65, saying: ["empty", "no picture or tensor"])
    try scratch.write("short/a.npy", Tensor([1, 2] as [Int64]).npyData())
    try fails(arguments + [scratch.path + "/short"], code: 65, saying: ["a.npy", "takes"])
  }
}
