import Foundation
import Tensors
import TestSupport
import Testing

/// `export` as its users run it.
struct ExportTests {
  private static let bare = Program.packageRoot + "/models/pairs/alexnet-x.onnx"

  /// Expects these arguments to be refused, and nothing to be written.
  private func isRefused(
    _ arguments: [String], model: String = Program.shapes, code: Int32, saying parts: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let scratch = try Scratch()
    try fails(
      ["export", model, "--output", scratch.path + "/out.onnx"] + arguments, code: code,
      saying: parts, sourceLocation: sourceLocation)
    #expect(scratch.names().isEmpty, sourceLocation: sourceLocation)
  }

  @Test func writesOneFileAndSaysWhatItHolds() throws {
    let scratch = try Scratch()
    let output = scratch.path + "/out.onnx"
    let lines = try succeeds(["export", Self.bare, "--output", output]).output
    #expect(lines.contains("method  xg"))
    #expect(lines.contains("attribution  batchx3x64x64 float32"))
    #expect(lines.contains("completeness_error  batch float32"))
    #expect(scratch.names() == ["out.onnx"])
    let summary = try succeeds(["inspect", output]).output
    #expect(summary.contains("supported    yes"))
  }

  @Test func theReportIsOneValue() throws {
    let scratch = try Scratch()
    let report = try succeeds([
      "export", Program.shapes, "--steps", "20", "--output", scratch.path + "/out.onnx", "--json",
    ]).json()
    let facts = try #require(report as? [String: Any])
    #expect(facts["method"] as? String == "ig")
    #expect(facts["steps"] as? Int == 20)
    #expect(facts["chunk"] as? Int == 7)
    #expect(facts["opset"] as? Int == 17)
  }

  /// The file holds the weights once, however often they are read and whatever is folded into them.
  @Test(arguments: ["shapes", "pairs/resnet"])
  func weightsAreNotRepeated(name: String) throws {
    let scratch = try Scratch()
    let model = Program.packageRoot + "/models/\(name).onnx"
    let output = scratch.path + "/out.onnx"
    try succeeds(["export", model, "--method", "ig", "--output", output])
    #expect(try bytes(of: output).count < bytes(of: model).count * 5 / 4)
  }

  @Test func aLabelIsATarget() throws {
    let scratch = try Scratch()
    let lines = try succeeds([
      "export", Program.shapes, "--method", "gradient", "--target", "star", "--output",
      scratch.path + "/out.onnx",
    ]).output
    #expect(lines.contains("target  4"))
  }

  @Test func aBaselineOfPixelsIsEmbedded() throws {
    let scratch = try Scratch()
    let lines = try succeeds([
      "export", Program.shapes, "--baseline", "white", "--steps", "4", "--output",
      scratch.path + "/out.onnx",
    ]).output
    #expect(lines.contains("from baseline white"))
  }

  /// The logarithm has no value at noise, yet rows of it do not mix, as the baseline shows.
  @Test func aModelThatIsNotDefinedForNoise() throws {
    let scratch = try Scratch()
    let five = TinyModel.Initializer(name: "five", dimensions: [1], values: [5])
    var model = TinyModel.elementwise("Log")
    model.nodes[0].inputs = ["d"]
    model.nodes.insert(
      .init(type: "Sub", inputs: ["x", "five"], outputs: ["d"], name: "sub"), at: 0)
    model.initializers = [five]
    let path = try scratch.write("model.onnx", model.bytes)
    let b = try scratch.write("b.npy", Tensor([6, 7, 8] as [Float], shape: [1, 3]).npyData())
    let export = ["export", path, "--method", "ig", "--output", scratch.path + "/out.onnx"]
    try fails(export, code: 64, saying: ["no score is finite at noise", "--batch 1"])
    try succeeds(export + ["--baseline", b])
  }

  @Test func refusesWhatMakesNoSense() throws {
    try isRefused(["--method", "xg"], code: 64, saying: ["homogeneous", "adds its bias"])
    try isRefused(["--target", "10"], code: 64, saying: ["target 10", "10 scores"])
    try isRefused(["--target", "dodecahedron"], code: 64, saying: ["dodecahedron"])
    let layer = "/features/features.9/Relu_output_0"
    try isRefused(
      ["--target", "star", "--target-space", layer], code: 64, saying: ["no label is 'star'"])
    try isRefused(["--target", "strar"], code: 64, saying: ["did you mean 'star'"])
    try isRefused(["--target", "star-circle"], code: 64, saying: ["one score"])
    try isRefused(["--quadrature", "exact"], code: 64, saying: ["fixed number of steps"])
    try isRefused(
      ["--method", "gradient", "--chunk", "2"], code: 64, saying: ["--chunk goes with"])
    try isRefused(
      ["--method", "gradient", "--baseline", "black"], code: 64, saying: ["--baseline has no"])
    try isRefused(["--preprocess", "unit"], code: 64, saying: ["--preprocess", "no input"])
    let labels = Program.packageRoot + "/models/shapes.labels.txt"
    for target in ["argmax", "input", "4"] {
      try isRefused(
        ["--labels", labels, "--target", target], code: 64, saying: ["--labels", "no label"])
    }
    try isRefused(["--baseline", "blur"], code: 64, saying: ["'blur'", "zero, black, white"])
    try isRefused(
      ["--method", "ig", "--quadrature", "warped"], code: 64, saying: ["pilot", "warped:2"])
    try isRefused(["--opset", "16"], code: 64, saying: ["opset 17"])
    try isRefused(["--opset", "99"], code: 64, saying: ["between 17 and 21"])
    try isRefused(["--input", "nothing"], code: 64, saying: ["'nothing'", "image"])
    try isRefused(["--target-space", "nowhere"], code: 64, saying: ["'nowhere'", "logits"])
    try isRefused(["--shape", "1x2"], code: 64, saying: ["--shape", "image"])
    try isRefused([], model: "/nowhere.onnx", code: 66, saying: ["/nowhere.onnx"])
  }

  @Test(
    arguments: [
      ["--shape", "1xa"], ["--tolerance", "0.1"], ["--batch", "0"], ["--steps", "0"],
      ["--chunk", "0"], ["--target", ""],
      ["--quadrature", "simpson"], ["--baseline", ""], ["--method", "magic"],
    ])
  func optionsAreCheckedFirst(options: [String]) throws {
    let scratch = try Scratch()
    let outcome = try Program.run(
      ["export", Program.shapes, "--output", scratch.path + "/out.onnx"] + options)
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains(options[0].dropFirst(2)))
    #expect(scratch.names().isEmpty)
  }

  @Test func theModelIsNotOverwritten() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", try bytes(of: Program.shapes))
    try fails(
      ["export", model, "--output", model], code: 64, saying: ["the output is the model itself"])
    #expect(try bytes(of: model) == bytes(of: Program.shapes))
  }

  @Test func anOpenExtentIsAskedFor() throws {
    let scratch = try Scratch()
    let open = TinyModel.elementwise(dimensions: [TinyModel.batch, TinyModel.batch])
    let model = try scratch.write("open.onnx", open.bytes)
    let output = scratch.path + "/out.onnx"
    try fails(["export", model, "--output", output], code: 64, saying: ["extent 1", "--shape"])
    let lines = try succeeds([
      "export", model, "--method", "gradient", "--shape", "4", "--output", output,
    ]).output
    #expect(lines.contains("attribution  batchx4 float32"))
  }

  /// Each row of a batch of fixed size has its own row of the other inputs.
  @Test func severalInputsOfAFixedBatch() throws {
    let scratch = try Scratch()
    var model = TinyModel.elementwise("Mul")
    model.nodes[0].inputs = ["x", "z"]
    model.inputs.append(.init(name: "z", dimensions: [TinyModel.batch, 3]))
    let path = try scratch.write("model.onnx", model.bytes)
    let output = scratch.path + "/out.onnx"
    let lines = try succeeds([
      "export", path, "--method", "gradient", "--batch", "4", "--output", output,
    ]).output
    #expect(lines.contains("target  4 int64"))
    let x = [1, 2, 3, 3, 2, 1, 1, 5, 1, 7, 1, 1] as [Float]
    let z = [1, 1, 2, 1, 1, 1, 1, 3, 1, 4, 1, 1] as [Float]
    let points = try scratch.write("x.npy", Tensor(x, shape: [4, 3]).npyData())
    let others = try scratch.write("z.npy", Tensor(z, shape: [4, 3]).npyData())
    try succeeds(["run", output, points, "z=" + others, "--output", scratch.path + "/maps"])
    let map = try Tensor(npy: try bytes(of: scratch.path + "/maps/x.attribution.npy"))
    #expect(map.elements(as: Float.self) == [0, 0, 2, 1, 0, 0, 0, 3, 0, 4, 0, 0])
  }

  @Test func windowsTooLargeForMeansFallBack() throws {
    let scratch = try Scratch()
    var model = TinyModel.elementwise("Relu", dimensions: [TinyModel.batch, 1, 64])
    model.nodes[0].outputs = ["r"]
    model.nodes += [
      .init(
        type: "MaxPool", inputs: ["r"], outputs: ["p"], name: "pool",
        attributes: [("kernel_shape", .ints([64]))]),
      .init(type: "Flatten", inputs: ["p"], outputs: ["y"], name: "flat"),
    ]
    model.outputs[0].dimensions = [TinyModel.batch, 1]
    let path = try scratch.write("model.onnx", model.bytes)
    let export = ["export", path, "--method", "ig", "--output", scratch.path + "/out.onnx"]
    #expect(try succeeds(export).output.contains("warped:2"))
    try fails(
      export + ["--quadrature", "secant"], code: 65, saying: ["64 places", "--quadrature warped:2"])
  }

  /// A model that has a value named like what explains it keeps the name.
  @Test func namesOfTheModelAreKept() throws {
    let scratch = try Scratch()
    var model = TinyModel.elementwise()
    model.nodes[0].outputs = ["attribution"]
    model.outputs[0].name = "attribution"
    let path = try scratch.write("clash.onnx", model.bytes)
    let lines = try succeeds([
      "export", path, "--method", "gradient", "--output", scratch.path + "/out.onnx",
    ]).output
    #expect(lines.contains("attribution_2"))
  }
}
