import Foundation
import Tensors
import TestSupport
import Testing

/// What `inspect`, `run` and `bench` print and write.
struct ReadingCommandTests {
  private func object(_ arguments: [String]) throws -> [String: Any] {
    try #require(try succeeds(arguments).json() as? [String: Any])
  }

  @Test func inspectAsJSON() throws {
    let summary = try object(["inspect", Program.shapes, "--json"])
    #expect(
      Set(summary.keys) == [
        "irVersion", "producer", "opsets", "inputs", "outputs", "operators", "parameters",
        "parameterBytes", "unsupported", "homogeneity", "biases",
      ])
    #expect(summary["irVersion"] as? Int == 8)
    #expect(summary["opsets"] as? [String: Int] == ["ai.onnx": 17])
    #expect((summary["operators"] as? [String: Int])?["Conv"] == 7)
    #expect((summary["unsupported"] as? [Any])?.isEmpty == true)
    let ports = try #require(summary["inputs"] as? [[String: String]])
    #expect(ports == [["name": "image", "type": "batchx3x64x64 float32"]])
    let homogeneity = try #require(summary["homogeneity"] as? [String: Any])
    #expect(
      Set(homogeneity.keys)
        == ["degree", "breakers", "output", "omittedNode", "otherOutputs", "judgedFor"])
    let breakers = try #require(homogeneity["breakers"] as? [[String: String]])
    #expect(breakers.count == 8)
    #expect(breakers.allSatisfy { Set($0.keys) == ["node", "operator", "reason"] })
    #expect(
      Set((summary["biases"] as? [String: Int])?.keys.map(\.self) ?? []) == ["count", "elements"])
    let parameters = try #require(summary["parameters"] as? Int)
    #expect(summary["parameterBytes"] as? Int == 4 * parameters)
  }

  @Test func inspectOfAHomogeneousModel() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let homogeneity = try object(["inspect", model, "--json"])["homogeneity"] as? [String: Any]
    #expect(homogeneity?["degree"] as? Int == 1)
    #expect(try succeeds(["inspect", model]).output.contains("yes, of degree 1"))
  }

  /// Keys stay where a node is not supported; what is unknown is null.
  @Test func inspectKeepsItsKeys() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.elementwise("Frobnicate").bytes)
    let summary = try object(["inspect", model, "--json"])
    #expect(summary.count == 11)
    #expect(summary["homogeneity"] is NSNull && summary["biases"] is NSNull)
  }

  @Test func runAsJSON() throws {
    let printed = try succeeds(["run", Program.shapes, Program.star, "--top", "3", "--json"]).json()
    let list = try #require(printed as? [[String: Any]])
    #expect(list.count == 1)
    #expect(list[0]["input"] as? String == Program.star)
    let classes = try #require(list[0]["classes"] as? [[String: Any]])
    #expect(classes.count == 3)
    #expect(Set(classes[0].keys) == ["index", "label", "score", "probability"])
    #expect(classes[0]["label"] as? String == "star")
  }

  @Test func runAsText() throws {
    let lines = try succeeds(["run", Program.shapes, Program.star]).output.split(separator: "\n")
    #expect(lines.count == 6)
    #expect(lines[0] == Program.star)
    #expect(lines[1].hasSuffix("star"))
  }

  /// More classes asked for than there are.
  @Test func runWithAllClasses() throws {
    let lines = try succeeds(["run", Program.shapes, Program.star, "--top", "1000"]).output
    #expect(lines.split(separator: "\n").count == 11)
  }

  @Test func runWritesOutputs() throws {
    let scratch = try Scratch()
    var tiny = TinyModel.linear()
    tiny.nodes[0].outputs = ["head/scores"]
    tiny.outputs[0].name = "head/scores"
    tiny.nodes.append(.init(type: "Relu", inputs: ["head/scores"], outputs: ["y"], name: "relu"))
    tiny.outputs.append(.init(name: "y", dimensions: [TinyModel.batch, 2]))
    let model = try scratch.write("model.onnx", tiny.bytes)
    let x = try scratch.write(
      "x.npy", Tensor([1, 2, 3, -1, -2, -3] as [Float], shape: [2, 3]).npyData())
    try succeeds(["run", model, x, "--output", scratch.path + "/a/b/out"])
    #expect(scratch.names(in: "a/b/out") == ["x.head_scores.npy", "x.y.npy"])
    let scores = try Tensor(npy: try bytes(of: scratch.path + "/a/b/out/x.head_scores.npy"))
    #expect(scores.shape == [2, 2])
    #expect(scores.elements(as: Float.self) == [6, 5.5, -6, -5.5])
    let positive = try Tensor(npy: try bytes(of: scratch.path + "/a/b/out/x.y.npy"))
    #expect(positive.elements(as: Float.self) == [6, 5.5, 0, 0])
  }

  @Test func runInDoublePrecision() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    try succeeds(["run", model, x, "--precision", "float64", "--output", scratch.path + "/out"])
    let scores = try Tensor(npy: try bytes(of: scratch.path + "/out/x.y.npy"))
    #expect(scores.elementType == .float64)
  }

  @Test(arguments: ["bf16", "bf16-gradients", "float64"])
  func benchInOtherPrecisions(precision: String) throws {
    let outcome = try Program.run([
      "bench", Program.shapes, "--batch", "1", "--runs", "1", "--precision", precision,
    ])
    if outcome.code == 0 {
      #expect(outcome.output.contains(precision == "float64" ? "Conv" : "ChangePrecision"))
    } else {
      #expect(outcome.code == 64 && outcome.errors.contains("no bfloat16 instructions"))
    }
  }

  @Test(arguments: [["--batch", "40000"], ["--batch", "1000000000"]])
  func benchOfMoreThanTheMemoryHolds(arguments: [String]) throws {
    try fails(
      ["bench", Program.shapes, "--runs", "1"] + arguments, code: 64,
      saying: ["do not fit the memory; give a smaller --batch"])
  }

  @Test func benchOfFixedSizeTakesNoOther() throws {
    try fails(
      ["bench", Program.shapes, "--size", "32"], code: 64, saying: ["leave --size out"])
  }

  @Test func benchAsJSON() throws {
    let profile = try object(["bench", Program.shapes, "--batch", "1", "--runs", "1", "--json"])
    #expect(
      Set(profile.keys) == [
        "batch", "pointShape", "forwardSeconds", "gradientSeconds", "peakBytes", "threads",
        "operators", "nodes", "kinds", "copyBandwidth", "elementwiseBandwidth",
      ])
    let kinds = try #require(profile["kinds"] as? [[String: Any]])
    let shares = kinds.compactMap { $0["share"] as? Double }
    #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
    #expect(
      try succeeds(["bench", Program.shapes, "--batch", "1", "--runs", "1"]).output.contains("Conv")
    )
  }

  @Test func version() throws {
    #expect(try succeeds(["--version"]).output.contains(/^\d+\.\d+\.\d+\n$/))
  }

  /// A pipe that is closed early ends the program as it ends others, without a word.
  @Test func closedPipe() throws {
    let outcome = try Program.shell("ascribe inspect --json '\(Program.shapes)' | head -n 1")
    #expect(outcome.output == "{\n")
    #expect(outcome.errors.isEmpty)
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let script = try succeeds(["--generate-completion-script", shell]).output
    for word in ["inspect", "run", "attribute", "bench", "quadrature", "gauss-legendre"] {
      #expect(script.contains(word))
    }
    guard shell == "bash" else { return }
    #expect(try Program.shell("ascribe --generate-completion-script bash | bash -n").code == 0)
  }
}
