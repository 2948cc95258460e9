import Foundation
import TestSupport
import Testing

/// `ascribe evaluate`, `merge` and `summary` as their users run them.
struct EvaluateTests {
  private static let images = Program.packageRoot + "/models/shapes/images"

  /// Starts a quick evaluation of all 200 pictures.
  private func arguments(_ output: String) -> [String] {
    [
      "evaluate", Program.shapes, "--data", Self.images, "--methods", "input-x-gradient,gradient",
      "--metrics", "accuracy,difference,kpm", "--quiet", "--output", output,
    ]
  }

  private func summary(_ path: String, _ options: String...) throws -> String {
    try succeeds(["summary", path] + options).output
  }

  /// Whatever moment the program is killed at, no sample is lost and none is there twice.
  @Test func killedAgainAndAgain() throws {
    let scratch = try Scratch()
    let (whole, killed) = (scratch.path + "/whole.sqlite", scratch.path + "/killed.sqlite")
    let line = try succeeds(arguments(whole)).output
    #expect(line.hasSuffix("whole.sqlite: 200 samples\n"))
    var generator = Random(state: 5)
    for _ in 0..<12 {
      let seconds = Double.random(in: 0.05...1, using: &generator)
      let words = (["ascribe"] + arguments(killed)).joined(separator: " ")
      let outcome = try Program.shell("timeout -s KILL \(seconds) \(words)")
      #expect([0, 137].contains(outcome.code ?? 137), "\(outcome.errors)")
    }
    try succeeds(arguments(killed))
    for options in [[], ["--json"], ["--csv"]] {
      #expect(
        try succeeds(["summary", killed] + options).output
          == succeeds(["summary", whole] + options).output)
    }
    #expect(scratch.names() == ["killed.sqlite", "whole.sqlite"])
  }

  @Test func interruptedAndResumed() throws {
    let scratch = try Scratch()
    let output = scratch.path + "/r.sqlite"
    let outcome = try Program.run(
      [
        "evaluate", Program.shapes, "--data", Self.images, "--methods", "ig:256", "--metrics",
        "paper",
        "--output", output,
      ], interruptedAfter: 2)
    #expect(outcome.code == 130)
    #expect(outcome.output.isEmpty)
    #expect(outcome.complaints.contains { $0.contains("stopping after the current sample") })
    let last = try #require(outcome.complaints.last)
    #expect(last.hasPrefix("interrupted: ") && last.contains("the same command goes on"))
    try succeeds(["summary", output])
  }

  @Test func shardsMerge() throws {
    let scratch = try Scratch()
    let whole = scratch.path + "/whole.sqlite"
    try succeeds(arguments(whole))
    let shards = (1...4).map { scratch.path + "/\($0).sqlite" }
    for (number, shard) in shards.enumerated() {
      try succeeds(arguments(shard) + ["--shard", "\(number + 1)/4"])
    }
    let merged = scratch.path + "/merged.sqlite"
    let line = try succeeds(["merge"] + shards + ["--output", merged]).output
    #expect(line.hasSuffix("merged.sqlite: 200 samples of 4 shards\n"))
    #expect(try summary(merged, "--json") == summary(whole, "--json"))
    // A merge that is done again replaces its file, never a shard.
    try succeeds(["merge"] + shards + ["--output", merged])
    try fails(
      ["merge"] + shards + ["--output", shards[0]], code: 64, saying: ["one of the shards"])
    try fails(
      ["merge"] + shards.dropLast() + ["--output", merged], code: 65, saying: ["shard 4/4 missing"])
    try fails(
      ["merge", shards[0], "none.sqlite", "--output", merged], code: 66,
      saying: ["none.sqlite", "no such file"])
  }

  @Test func theSummaryInEachForm() throws {
    let scratch = try Scratch()
    let output = scratch.path + "/r.sqlite"
    let folder = Self.images + "/star"
    let outcome = try Program.run(
      [
        "evaluate", Program.shapes, "--data", folder, "--methods", "gradient,random",
        "--metrics", "kam,gini", "--output", output, "--save-maps", scratch.path + "/maps",
        "--maps-type", "float16",
      ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let text = try summary(output)
    #expect(text.hasPrefix("20 of 20 samples, 0 failed; score of the best class, baseline zero"))
    #expect(text.contains("kam ↑"))
    let csv = try summary(output, "--csv").split(separator: "\n")
    #expect(csv[0] == "model,method,metric,n,mean,standard_error")
    #expect(csv[1].hasPrefix("shapes,gradient,kam,20,"))
    #expect(!csv.contains { $0.contains("seconds") })
    #expect(try summary(output, "--csv", "--timing").contains("shapes,gradient,seconds,20,"))
    let json = try #require(
      try Program.run(["summary", output, "--json"]).json() as? [String: Any])
    #expect(
      json.keys.sorted() == ["curves", "failures", "masks", "protocol", "results", "samples"])
    let map = scratch.path + "/maps/shapes/gradient/000.png.npy"
    #expect(try bytes(of: map).count == 128 + 2 * 3 * 64 * 64)
  }

  /// Rows and lines of numbers, a model that takes no pictures.
  @Test func samplesThatAreNoPictures() throws {
    let scratch = try Scratch()
    var model = TinyModel()
    model.inputs = [.init(name: "x", dimensions: [-9, 2])]
    model.outputs = [.init(name: "y", dimensions: [-9, 2])]
    model.nodes = [.init(type: "Relu", inputs: ["x"], outputs: ["y"])]
    let path = try scratch.write("relu.onnx", model.bytes)
    let data = try scratch.write("x.tsv", "0\t3 1\n1\t1 2\n1\t5 4\n0\tone\n")
    let output = scratch.path + "/r.sqlite"
    try succeeds([
      "evaluate", path, "--data", data, "--methods", "ig:4,xg", "--metrics",
      "accuracy,completeness,difference", "--output", output, "--quiet",
    ])
    let csv = try summary(output, "--csv")
    #expect(csv.contains("relu,,top1,3,66.66666666666666,"), "\(csv)")
    #expect(csv.contains("relu,xg,difference,3,0.0,0.0"), "\(csv)")
    let text = try summary(output)
    #expect(text.contains("line-000004: 'one' is no number"))
    try fails(
      ["evaluate", path, "--data", data, "--metrics", "kpm", "--output", output], code: 64,
      saying: ["metric 'kpm' is one of pictures"])
  }
}
