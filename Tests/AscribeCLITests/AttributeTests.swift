import Foundation
import Tensors
import TestSupport
import Testing

/// What `attribute` writes and prints: names, shapes, keys.
struct AttributeTests {
  private static let keys: Set<String> = [
    "model", "modelSHA256", "input", "method", "target", "targetNames", "baseline", "quadrature",
    "steps", "score",
    "baselineScore", "attributionSum", "completenessError", "relativeCompletenessError", "passes",
    "seconds", "preprocess", "precision", "version",
  ]

  /// Runs `attribute` with few steps into the folder `out` of a scratch folder.
  @discardableResult
  private func attribute(
    _ arguments: [String], model: String = Program.shapes, _ scratch: Scratch,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Program.Outcome {
    try succeeds(
      ["attribute", model] + arguments + ["--output", scratch.path + "/out"],
      sourceLocation: sourceLocation)
  }

  private func facts(_ name: String, _ scratch: Scratch) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: scratch.path + "/out/" + name))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func map(_ name: String, _ scratch: Scratch) throws -> Tensor {
    try Tensor(npy: try bytes(of: scratch.path + "/out/" + name))
  }

  private func sum(_ tensor: Tensor) -> Double {
    tensor.converted(to: .float64).elements(as: Double.self).reduce(0, +)
  }

  @Test func writesMapFactsAndPicture() throws {
    let scratch = try Scratch()
    let outcome = try attribute([Program.star, "--steps", "8"], scratch)
    #expect(scratch.names(in: "out") == ["000.json", "000.npy", "000.png"])
    #expect(outcome.output.contains("star/000.png: 4 star (ig 8 steps, mean gradients, score"))
    #expect(outcome.errors.isEmpty)
    let tensor = try map("000.npy", scratch)
    #expect(tensor.elementType == .float32)
    #expect(tensor.shape == [1, 3, 64, 64])
    let facts = try facts("000.json", scratch)
    #expect(Set(facts.keys) == Self.keys)
    #expect(facts["model"] as? String == Program.shapes)
    #expect(facts["input"] as? String == Program.star)
    #expect(facts["method"] as? String == "ig")
    #expect(facts["baseline"] as? String == "zero")
    #expect(facts["quadrature"] as? String == "secant")
    #expect(facts["steps"] as? Int == 8)
    #expect(facts["precision"] as? String == "float32")
    #expect(facts["preprocess"] as? String == "shapes.preprocess.json")
    let target = try #require(facts["target"] as? [String: Any])
    #expect(Set(target.keys) == ["index", "label", "space"])
    #expect(target["index"] as? Int == 4)
    #expect(target["label"] as? String == "star")
    #expect(target["space"] as? String == "logit")
    let passes = try #require(facts["passes"] as? [String: Any])
    #expect(Set(passes.keys) == ["forward", "backward"])
    #expect(passes["backward"] as? Int == 8)
    let stated = try #require(facts["attributionSum"] as? Double)
    #expect(abs(stated - sum(tensor)) < 1e-4)
    let digest = try Program.shell("sha256sum '\(Program.shapes)' | cut -c1-64").output
    #expect((facts["modelSHA256"] as? String)?.appending("\n") == digest)
    let picture = try bytes(of: scratch.path + "/out/000.png")
    #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47]))
  }

  @Test func doublePrecision() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    try attribute([x, "--precision", "float64"], model: model, scratch)
    #expect(try map("x.npy", scratch).elementType == .float64)
    #expect(try facts("x.json", scratch)["precision"] as? String == "float64")
  }

  @Test func printsWhatItWrites() throws {
    let scratch = try Scratch()
    let printed = try attribute([Program.star, "--steps", "2", "--json"], scratch).json()
    let list = try #require(printed as? [[String: Any]])
    #expect(list.count == 1)
    #expect(Set(list[0].keys) == Self.keys)
  }

  @Test(arguments: [("npy", ["000.npy"]), ("json,png", ["000.json", "000.png"])])
  func formats(names: String, files: [String]) throws {
    let scratch = try Scratch()
    try attribute([Program.star, "--steps", "2", "--format", names], scratch)
    #expect(scratch.names(in: "out") == files)
  }

  @Test func replacesOlderFiles() throws {
    let scratch = try Scratch()
    try scratch.write("out/000.npy", "old")
    try attribute([Program.star, "--steps", "2"], scratch)
    #expect(try map("000.npy", scratch).shape == [1, 3, 64, 64])
  }

  @Test func tensorsHaveNoPicture() throws {
    let scratch = try Scratch()
    let tensor = Tensor([Float](repeating: 0.5, count: 3 * 64 * 64), shape: [3, 64, 64])
    let path = try scratch.write("x.npy", tensor.npyData())
    try attribute([path, "--steps", "2"], scratch)
    #expect(scratch.names(in: "out") == ["x.json", "x.npy"])
    #expect(try facts("x.json", scratch)["preprocess"] is NSNull)
  }

  // MARK: - Targets

  @Test func severalTargets() throws {
    let scratch = try Scratch()
    try attribute(
      [Program.star, "--steps", "4", "--target", "1,5", "--format", "npy,json"], scratch)
    #expect(scratch.names(in: "out") == ["000.1.json", "000.1.npy", "000.5.json", "000.5.npy"])
    let target = try facts("000.5.json", scratch)["target"] as? [String: Any]
    #expect(target?["label"] as? String == "cross")
  }

  @Test func argmaxAmongTargets() throws {
    let scratch = try Scratch()
    try attribute(
      [Program.star, "--method", "gradient", "--target", "argmax, 4,heart", "--format", "npy"],
      scratch)
    #expect(scratch.names(in: "out") == ["000.4.npy", "000.8.npy", "000.argmax.npy"])
  }

  /// Each score is explained once, and has files under every name that was asked for.
  @Test(arguments: [
    ("star,top2", ["4", "top2"], ["top1"], "target top1 is the score of target 4 (star)"),
    ("top2,star", ["top1", "top2"], ["4"], "target 4 (star) is the score of target top1"),
    ("argmax,star", ["argmax"], ["4"], "target 4 (star) is the score of target argmax"),
    (
      "star,argmax,top1,star-arrow", ["4", "4-9"], ["argmax", "top1"],
      "target argmax and top1 is the score of target 4 (star)"
    ),
  ])
  func aScoreOfSeveralTargets(targets: String, names: [String], others: [String], note: String)
    throws
  {
    let scratch = try Scratch()
    let outcome = try attribute(
      [Program.star, "--method", "gradient", "--target", targets, "--format", "npy,json"], scratch)
    #expect(
      scratch.names(in: "out")
        == (names + others).flatMap { ["000.\($0).json", "000.\($0).npy"] }.sorted())
    #expect(outcome.errors.contains(note), "\(outcome.errors)")
    #expect(outcome.output.split(separator: "\n").count == names.count)
    let passes = try names.map { name in
      try #require(try facts("000.\(name).json", scratch)["passes"] as? [String: Int])
    }
    #expect(passes.map { $0["backward"] } == names.map { _ in 1 })
    for other in others {
      #expect(
        try bytes(of: scratch.path + "/out/000.\(other).npy")
          == bytes(of: scratch.path + "/out/000.\(names[0]).npy"))
      let said = try facts("000.\(other).json", scratch)["targetNames"] as? [String]
      #expect(said == [names[0]] + others)
    }
  }

  /// The rows of a batch differ in which targets meet: every file has a row for each sample.
  @Test func aScoreOfSeveralTargetsInSomeRows() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let rows = Tensor([1, -0.5, 0, 0, 2, 0.5, 0, 2, -0.5] as [Float], shape: [3, 3])
    let x = try scratch.write("x.npy", rows.npyData())
    try attribute(
      [x, "--target", "0,top1", "--method", "input-x-gradient", "--format", "npy"], model: model,
      scratch)
    #expect(scratch.names(in: "out") == ["x.0.npy", "x.top1.npy"])
    let best = try map("x.top1.npy", scratch)
    #expect(best.elements(as: Float.self) == [1, 1, 0, 0, 8, -0.5, 0, 8, 0.5])
    let outcome = try attribute(
      [x, "--target", "1,0,top1", "--method", "input-x-gradient", "--format", "npy"], model: model,
      scratch)
    #expect(outcome.errors.contains("x.npy#1: target top1 is the score of target 1"))
    #expect(
      try map("x.top1.npy", scratch).elements(as: Float.self) == best.elements(as: Float.self))
    #expect(outcome.output.split(separator: "\n").count == 6)
  }

  @Test func bestTargetsAndMargins() throws {
    let scratch = try Scratch()
    try attribute(
      [Program.star, "--steps", "4", "--target", "top2,4-9", "--format", "npy,json"], scratch)
    #expect(
      scratch.names(in: "out").filter { $0.hasSuffix("npy") } == [
        "000.4-9.npy", "000.top1.npy", "000.top2.npy",
      ])
    let margin = try facts("000.4-9.json", scratch)
    let target = try #require(margin["target"] as? [String: Any])
    #expect(target["index"] as? Int == 4 && target["comparedWith"] as? Int == 9)
    #expect(target["label"] as? String == "star - arrow")
    let difference = try map("000.4-9.npy", scratch)
    try attribute([Program.star, "--steps", "4", "--target", "4,9", "--format", "npy"], scratch)
    let (a, b) = (try map("000.4.npy", scratch), try map("000.9.npy", scratch))
    #expect(abs(sum(difference) - (sum(a) - sum(b))) < 1e-4)
  }

  /// The labels of a margin are those of --labels, or the model's own.
  @Test func marginsOfLabels() throws {
    let scratch = try Scratch()
    try attribute([Program.star, "--method", "gradient", "--target", "star-circle"], scratch)
    let byLabel = try bytes(of: scratch.path + "/out/000.npy")
    let target = try #require(try facts("000.json", scratch)["target"] as? [String: Any])
    #expect(target["index"] as? Int == 4 && target["comparedWith"] as? Int == 0)
    try attribute([Program.star, "--method", "gradient", "--target", "4-0"], scratch)
    #expect(try bytes(of: scratch.path + "/out/000.npy") == byLabel)
  }

  /// The map from several baselines is the mean of the maps from each.
  @Test func severalBaselines() throws {
    let scratch = try Scratch()
    let base = [
      Program.star, "--steps", "4", "--target", "4", "--format", "npy,json", "--baseline",
    ]
    try attribute(base + ["black,gaussian:2"], scratch)
    let mean = sum(try map("000.npy", scratch))
    let facts = try facts("000.json", scratch)
    let parts = try #require(facts["baselines"] as? [[String: Any]])
    #expect(parts.map { $0["baseline"] as? String } == ["black", "gaussian:2"])
    let sums = parts.compactMap { $0["attributionSum"] as? Double }
    #expect(abs(mean - sums.reduce(0, +) / 2) < 1e-4)
    let folder = URL(filePath: Program.star).deletingLastPathComponent().path
    try attribute(base + [folder], scratch)
    #expect((try self.facts("000.json", scratch)["baselines"] as? [Any])?.count ?? 0 > 5)
  }

  /// What one explanation frees at its last use another may still read: maps are the same bit for bit,
  /// alone, again, and beside other targets and inputs.
  @Test(arguments: ["ig:24", "ig:24:quadrature=gauss-legendre", "gradient", "deeplift"])
  func mapsDoNotDependOnCompany(method: String) throws {
    let scratch = try Scratch()
    let second = Program.star.replacingOccurrences(of: "000", with: "001")
    func maps(_ targets: String, _ inputs: [String], in folder: String) throws -> [[UInt8]] {
      let folder = "\(scratch.path)/\(folder)"
      try succeeds(
        ["attribute", Program.shapes] + inputs + [
          "--target", targets, "--method", method, "--format", "npy", "--output", folder,
        ])
      return try scratch.names(in: URL(filePath: folder).lastPathComponent).sorted()
        .map { try bytes(of: "\(folder)/\($0)") }
    }
    let together = try maps("1,4", [Program.star, second], in: "together")
    #expect(together.count == 4)
    #expect(try maps("1,4", [Program.star, second], in: "again") == together)
    for (place, input) in [Program.star, second].enumerated() {
      for (number, target) in ["1", "4"].enumerated() {
        #expect(
          try maps(target, [input], in: "alone\(place)\(target)") == [together[2 * place + number]])
      }
    }
  }

  @Test func anInputIsNeverOverwritten() throws {
    let scratch = try Scratch()
    let tensor = Tensor([Float](repeating: 0.5, count: 3 * 64 * 64), shape: [3, 64, 64])
    let path = try scratch.write("x.npy", tensor.npyData())
    let outcome = try Program.run(
      ["attribute", Program.shapes, path, "--steps", "2", "--output", scratch.path])
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains("written over this input"))
    #expect(try bytes(of: path) == tensor.npyData())
    #expect(scratch.names() == ["x.npy"])
    let other = try scratch.write("x.0.npy", tensor.npyData())
    let targets = try Program.run([
      "attribute", Program.shapes, path, other, "--steps", "2", "--target", "0,1", "--format",
      "npy",
      "--output", scratch.path,
    ])
    #expect(targets.code == 64)
    #expect(try bytes(of: other) == tensor.npyData())
  }

  @Test func settingsOfIntegralsNeedOne() throws {
    for (item, option) in [
      ("ig:64", "--tolerance"), ("ig:64", "--steps"), ("ig:tolerance=.1", "--steps"),
    ] {
      try fails(
        [
          "attribute", Program.shapes, Program.star, "--method", item, option,
          option == "--steps" ? "32" : ".01",
        ],
        code: 64, saying: [option, "no influence", "leave one of them out"])
    }
    for option in [["--steps", "3"], ["--tolerance", "0.1"], ["--quadrature", "left"]] {
      let outcome = try Program.run(
        ["attribute", Program.shapes, Program.star, "--method", "gradient"] + option)
      #expect(outcome.code == 64)
      #expect(outcome.errors.contains("\(option[0]) goes with the methods ig and auto"))
    }
  }

  @Test func aBaselineNeedsAReader() throws {
    for method in ["gradient", "smoothgrad:2", "random"] {
      try fails(
        ["attribute", Program.shapes, Program.star, "--method", method, "--baseline", "black"],
        code: 64, saying: ["--baseline has no influence on", "leave it out"])
    }
    let scratch = try Scratch()
    try attribute(
      [Program.star, "--method", "expected-gradients:2", "--baseline", "black,white"], scratch)
    #expect(try facts("000.json", scratch)["baseline"] as? String == "black,white")
  }

  /// What a method or the files do not read is refused, whatever its value.
  @Test func optionsNeedAReader() throws {
    let scratch = try Scratch()
    let elements = (0..<(3 * 64 * 64)).map { Float($0 % 7) - 3 }
    let tensor = try scratch.write("x.npy", Tensor(elements, shape: [1, 3, 64, 64]).npyData())
    let layer = "/features/features.9/Relu_output_0"
    func refuses(_ arguments: [String], _ parts: String...) throws {
      try fails(
        ["attribute", Program.shapes] + arguments + ["--output", scratch.path + "/out"], code: 64,
        saying: parts + ["leave"])
    }
    for method in ["ig:2", "gradient", "auto", "occlusion"] {
      try refuses([tensor, "--method", method, "--seed", "0"], "--seed has no influence on")
    }
    for method in ["occlusion", "random", "lrp", "deeplift", "smoothgrad:2:of=deconvnet"] {
      try refuses([tensor, "--method", method, "--precision", "bf16"], "--precision bf16")
    }
    try refuses([tensor, "--preprocess", "unit"], "--preprocess", "no input or baseline")
    try refuses(
      [
        tensor, "--target-space", layer, "--labels",
        Program.packageRoot + "/models/shapes.labels.txt",
      ],
      "--labels")
    try refuses(
      [tensor, "--method", "grad-cam", "--precision", "bf16-gradients"],
      "--precision bf16-gradients")
    try refuses(
      [tensor, "--method", "random", "--layer", layer, "--precision", "bf16"], "--precision bf16")
    for arguments in [
      ["--method", "random", "--seed", "1"], ["--method", "smoothgrad:2:of=ig:2", "--seed", "1"],
      ["--preprocess", "unit", "--baseline", "black", "--steps", "2"],
      ["--preprocess", "unit", "--baseline", Program.star, "--steps", "2"],
      ["--method", "grad-cam", "--precision", "bf16"],
    ] { try attribute([tensor] + arguments, scratch) }
  }

  /// A seed is what a map of random numbers depends on.
  @Test func seedsTellMapsApart() throws {
    let scratch = try Scratch()
    let maps = try [[], ["--seed", "0"], ["--seed", "1"]].map { seed in
      try attribute([Program.star, "--method", "smoothgrad:2"] + seed, scratch)
      return try bytes(of: scratch.path + "/out/000.npy")
    }
    #expect(maps[0] == maps[1] && maps[1] != maps[2])
  }

  /// Hidden files and files of other kinds are no baselines; a broken picture is named.
  @Test func strayFilesAmongBaselines() throws {
    let scratch = try Scratch()
    let picture = try bytes(of: Program.star)
    for name in ["a.png", "b.PNG"] { try scratch.write("many/" + name, picture) }
    for name in [".DS_Store", ".hidden.png", "README.txt"] {
      try scratch.write("many/" + name, "no picture")
    }
    try scratch.write("many/more/c.png", "no picture")
    let arguments = [Program.star, "--steps", "2", "--baseline", scratch.path + "/many"]
    try attribute(arguments, scratch)
    let parts = try #require(try facts("000.json", scratch)["baselines"] as? [[String: Any]])
    #expect(parts.count == 2)
    try scratch.write("many/c.png", "no picture")
    try fails(
      ["attribute", Program.shapes] + arguments + ["--output", scratch.path + "/out"], code: 65,
      saying: ["many/c.png", "starts with text"])
  }

  /// Of a method that does not promise to add up nothing is said about that.
  @Test func completenessOfMethodsThatPromiseNone() throws {
    let scratch = try Scratch()
    for (method, isPromised) in [("grad-cam", false), ("gradient", false), ("deeplift", true)] {
      let outcome = try attribute([Program.star, "--method", method], scratch)
      #expect(outcome.output.contains("completeness") == isPromised)
      let error = try facts("000.json", scratch)["relativeCompletenessError"]
      #expect(isPromised ? error is Double : error is NSNull)
    }
  }

  /// The line says how the map was computed.
  @Test(
    arguments: [
      (["--method", "ig:4:quadrature=warped:3"], "(ig 4 steps, quadrature warped, power 3, score"),
      (
        ["--quadrature", "warped:power=3", "--steps", "4"],
        "(ig 4 steps, quadrature warped, power 3,"
      ),
      (["--steps", "1"], "(ig 1 step, mean gradients, score"),
      (["--method", "ig:2:quadrature=secant"], "(ig 2 steps, mean gradients, score"),
      (["--method", "ig:1:quadrature=left"], "(ig 1 step, quadrature left, score"),
      (
        ["--method", "smoothgrad:1:of=ig:1:quadrature=secant"],
        "(smoothgrad 1 sample, sigma 0.15, of ig 1 step, mean gradients, score"
      ),
      (["--tolerance", "0.2"], "(ig tolerance 0.2, "),
      (["--tolerance", "0.2"], "steps, estimated error"),
      (
        ["--method", "smoothgrad:2:of=ig:3"],
        "(smoothgrad 2 samples, sigma 0.15, of ig 3 steps, score"
      ),
      (["--method", "occlusion:patch=32"], "(occlusion patch 32, score"),
      (["--method", "gradient", "--target", "1-2"], ": 1-2 square - triangle (gradient, score"),
    ] as [([String], String)])
  func theLineSaysTheMethod(arguments: [String], part: String) throws {
    let outcome = try attribute([Program.star, "--format", "npy"] + arguments, try Scratch())
    #expect(outcome.output.contains(part), "\(outcome.output)")
  }

  @Test func targetByLabel() throws {
    let scratch = try Scratch()
    let labels = try scratch.write("names.txt", "a\nb\n\nd\r\nThe Star, asterisk\nf\ng\nh\n\n\n")
    for (label, arguments) in [("heart", []), ("asterisk", ["--labels", labels])] {
      try attribute([Program.star, "--method", "gradient", "--target", label] + arguments, scratch)
      let target = try facts("000.json", scratch)["target"] as? [String: Any]
      #expect(target?["index"] as? Int == (label == "heart" ? 8 : 4))
    }
  }

  /// Labels must be as many as scores: refused where the user names them, left out beside a model.
  @Test(arguments: [1, 3])
  func labelsOfAnotherModel(count: Int) throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    let text = (0..<count).map { "class \($0)\n" }.joined()
    let labels = try scratch.write("names.txt", text)
    for command in [
      ["attribute", model, x, "--output", scratch.path + "/out"], ["run", model, x],
    ] {
      try fails(
        command + ["--labels", labels], code: 64, saying: [labels, "\(count) class", "2 scores"])
    }
    try scratch.write("model.labels.txt", text)
    let outcome = try attribute([x, "--target", "0"], model: model, scratch)
    #expect(outcome.errors.contains("model.labels.txt is not read"), "\(outcome.errors)")
    let target = try facts("x.json", scratch)["target"] as? [String: Any]
    #expect(target?["label"] is NSNull)
  }

  /// A model of batches of two, which it reshapes, gets each sample twice.
  @Test(arguments: ["gradient", "ig:4", "fullgrad"])
  func aFixedBatch(method: String) throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.pairs().bytes)
    let rows = Tensor([1, 2, 3, -1, 0.5, 2] as [Float], shape: [2, 3])
    let x = try scratch.write("x.npy", rows.npyData())
    let outcome = try attribute([x, "--method", method], model: model, scratch)
    // Scores by hand: 1 - 4 + 9 = 6, 0.5 + 8 - 3 = 5.5 and -1 - 1 + 6 = 4, -0.5 + 2 - 2 = -0.5.
    #expect(outcome.output.contains("x.npy#0: 0 (") && outcome.output.contains("x.npy#1: 0 ("))
    let factors: [Float] = [1, -2, 3]
    let products = rows.elements(as: Float.self).enumerated().map { $1 * factors[$0 % 3] }
    let expected = method == "gradient" ? factors + factors : products
    let values = try map("x.npy", scratch).elements(as: Float.self)
    #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(values)")
  }

  /// `auto` that comes to the X-gradient reads no steps.
  @Test func stepsOfAutoNeedAnIntegral() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    let folder = ["--output", scratch.path + "/out"]
    let out = ["--output", scratch.path + "/out.onnx"]
    for option in [["--steps", "7"], ["--quadrature", "left"], ["--tolerance", "0.1"]] {
      try fails(
        ["attribute", model, x] + option + folder, code: 64,
        saying: [option[0], "auto comes to xg"])
    }
    for option in [["--steps", "7"], ["--quadrature", "left"], ["--chunk", "2"]] {
      try fails(
        ["export", model] + option + out, code: 64, saying: [option[0], "auto comes to xg"])
    }
    try attribute([x, "--steps", "7", "--method", "ig"], model: model, scratch)
  }

  @Test func targetSpaces() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear(tail: "Softmax").bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    // Scores by hand: 1 - 4 + 9 = 6 and 0.5 + 8 - 3 = 5.5.
    for (space, score) in [
      ("logit", 6), ("softmax", 1 / (1 + exp(-0.5))), ("y", 1 / (1 + exp(-0.5))),
    ] {
      try attribute([x, "--target", "0", "--target-space", space], model: model, scratch)
      let facts = try facts("x.json", scratch)
      let found = try #require(facts["score"] as? Double)
      #expect(abs(found - score) < 1e-6)
      #expect((facts["target"] as? [String: Any])?["space"] as? String == space)
    }
  }

  /// The model gives logits; behind a Softmax that is added the star has 96.1 %.
  @Test func aMissingSoftmaxIsAdded() throws {
    let scratch = try Scratch()
    _ = try attribute([Program.star, "--target-space", "softmax", "--steps", "8"], scratch)
    let facts = try facts("000.json", scratch)
    let score = try #require(facts["score"] as? Double)
    #expect(abs(score - 0.961) < 1e-3)
  }

  /// Labels name classes, which the numbers of an inner value are not.
  @Test func innerValuesHaveNoLabels() throws {
    let scratch = try Scratch()
    let layer = ["--target-space", "/features/features.7/MaxPool_output_0"]
    let outcome = try attribute([Program.star, "--target", "5", "--steps", "2"] + layer, scratch)
    #expect(outcome.output.contains("star/000.png: 5 (ig"))
    let refused = try Program.run(
      ["attribute", Program.shapes, Program.star, "--target", "cross", "--output", scratch.path]
        + layer)
    #expect(refused.code == 64)
  }

  // MARK: - Methods, rules and baselines

  /// For scores W x the gradient is a row of W, and every other method gives it times x.
  @Test(arguments: ["auto", "ig", "xg", "gradient", "input-x-gradient"])
  func linearModel(method: String) throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x: [Float] = [2, -1, 4]
    let path = try scratch.write("x.npy", Tensor(x, shape: [3]).npyData())
    try attribute([path, "--target", "1", "--method", method], model: model, scratch)
    let row: [Float] = [0.5, 4, -1]
    let expected = method == "gradient" ? row : zip(row, x).map(*)
    #expect(try map("x.npy", scratch).elements(as: Float.self) == expected)
    let facts = try facts("x.json", scratch)
    #expect(facts["method"] as? String == (method == "auto" ? "xg" : method))
    #expect(facts["score"] as? Double == -7)
    if method != "gradient" { #expect(facts["completenessError"] as? Double == 0) }
    let integrates = method == "ig"
    #expect((facts["steps"] is NSNull) == !integrates)
    #expect((facts["quadrature"] is NSNull) == !integrates)
  }

  /// Every rule is exact for a linear model, at one step too.
  @Test(arguments: [
    "secant", "warped", "warped:3", "midpoint", "gauss-legendre", "left", "right", "trapezoid",
  ])
  func quadratures(rule: String) throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear(biases: [1, 2]).bytes)
    let x: [Float] = [2, -1, 4]
    let path = try scratch.write("x.npy", Tensor(x, shape: [3]).npyData())
    for steps in ["1", "7"] {
      try attribute(
        [path, "--target", "0", "--method", "ig", "--quadrature", rule, "--steps", steps],
        model: model, scratch)
      let found = try map("x.npy", scratch).elements(as: Float.self)
      for (value, expected) in zip(found, [2, 2, 12] as [Float]) {
        #expect(abs(value - expected) < 1e-5)
      }
      let facts = try facts("x.json", scratch)
      #expect((facts["quadrature"] as? String)?.hasPrefix(rule) == true)
      #expect(facts["baselineScore"] as? Double == 1)
    }
  }

  /// Nothing bends here, so points lie equally far apart.
  @Test func thePowerThatThePilotFoundIsSaid() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear(biases: [1, 2]).bytes)
    let path = try scratch.write("x.npy", Tensor([2, -1, 4] as [Float], shape: [3]).npyData())
    let outcome = try attribute(
      [path, "--target", "0", "--method", "ig", "--quadrature", "warped"], model: model, scratch)
    #expect(outcome.output.contains("(ig 128 steps, quadrature warped, power 1, score"))
    #expect(try facts("x.json", scratch)["quadrature"] as? String == "warped:1.0")
  }

  @Test(arguments: ["zero", "black", "white", "mean", "blur", "noise:7", "FILE", "TENSOR"])
  func baselines(name: String) throws {
    let scratch = try Scratch()
    let picture = Program.packageRoot + "/models/shapes/images/heart/000.png"
    let tensor = try scratch.write(
      "b.npy", Tensor([Float](repeating: 0.25, count: 3 * 64 * 64), shape: [3, 64, 64]).npyData())
    let baseline = name == "FILE" ? picture : name == "TENSOR" ? tensor : name
    try attribute(
      [Program.star, "--steps", "16", "--baseline", baseline, "--format", "json"], scratch)
    let facts = try facts("000.json", scratch)
    #expect(facts["baseline"] as? String == baseline)
    #expect(facts["baselineScore"] is Double)
    let error = try #require(facts["relativeCompletenessError"] as? Double)
    #expect(error < 0.5)
  }

  @Test func noiseRepeats() throws {
    let scratch = try Scratch()
    var scores: [Double] = []
    for seed in [1, 1, 2] {
      try attribute(
        [Program.star, "--steps", "1", "--baseline", "noise:\(seed)", "--format", "json"], scratch)
      scores.append(try #require(try facts("000.json", scratch)["baselineScore"] as? Double))
    }
    #expect(scores[0] == scores[1] && scores[0] != scores[2])
  }

  @Test func completeness() throws {
    let scratch = try Scratch()
    try attribute([Program.star, "--steps", "256", "--format", "npy,json"], scratch)
    let facts = try facts("000.json", scratch)
    let score = try #require(facts["score"] as? Double)
    let start = try #require(facts["baselineScore"] as? Double)
    let error = try #require(facts["completenessError"] as? Double)
    #expect(abs(sum(try map("000.npy", scratch)) - (score - start) - error) < 1e-3)
    #expect(abs(error) < 0.02 * abs(score - start))
  }

  @Test func gradientTimesInput() throws {
    let scratch = try Scratch()
    let values: [Float] = (0..<(3 * 64 * 64)).map { Float($0 % 17) / 8 - 1 }
    let path = try scratch.write("x.npy", Tensor(values, shape: [3, 64, 64]).npyData())
    try attribute([path, "--method", "gradient"], scratch)
    let gradient = try map("x.npy", scratch).elements(as: Float.self)
    try attribute([path, "--method", "input-x-gradient"], scratch)
    let product = try map("x.npy", scratch).elements(as: Float.self)
    let expected = zip(gradient, values).map(*)
    for (value, expected) in zip(product, expected) { #expect(abs(value - expected) < 1e-6) }
    #expect(gradient.contains { $0 != 0 })
  }

  // MARK: - Inputs

  @Test func severalInputs() throws {
    let scratch = try Scratch()
    let names = ["001", "002", "003"]
    let paths = names.map { Program.packageRoot + "/models/shapes/images/star/\($0).png" }
    let outcome = try attribute(paths + ["--steps", "2", "--format", "json"], scratch)
    #expect(scratch.names(in: "out") == names.map { $0 + ".json" })
    #expect(outcome.output.split(separator: "\n").count == 3)
  }

  @Test func batch() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x = try scratch.write(
      "x.npy", Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]).npyData())
    let printed = try attribute([x, "--target", "0", "--json"], model: model, scratch).json()
    let map = try map("x.npy", scratch)
    #expect(map.shape == [2, 3])
    #expect(map.elements(as: Float.self) == [1, -4, 9, 4, -10, 18])
    let list = try #require(printed as? [[String: Any]])
    #expect(list.compactMap { $0["input"] as? String } == [x + "#0", x + "#1"])
    let data = try Data(contentsOf: URL(filePath: scratch.path + "/out/x.json"))
    let stored = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    #expect(stored.compactMap { $0["score"] as? Double } == [6, 12])
  }

  @Test func namedInputs() throws {
    let scratch = try Scratch()
    var product = TinyModel.elementwise("Mul")
    product.nodes[0].inputs = ["x", "scale"]
    product.inputs.append(.init(name: "scale", dimensions: [TinyModel.batch, 3]))
    let model = try scratch.write("model.onnx", product.bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    let scale = try scratch.write("s.npy", Tensor([7, 8, 9] as [Float], shape: [1, 3]).npyData())
    for arguments in [[x, "scale=" + scale], ["scale=" + scale, "x=" + x]] {
      try attribute(arguments + ["--target", "2", "--method", "gradient"], model: model, scratch)
      #expect(try map("x.npy", scratch).elements(as: Float.self) == [0, 0, 9])
    }
  }

  @Test func layer() throws {
    let scratch = try Scratch()
    let names = try #require(
      try succeeds(["inspect", Program.shapes, "--layers", "--json"]).json() as? [String])
    let layer = try #require(names.first { $0.contains("GlobalAveragePool") })
    try attribute([Program.star, "--layer", layer, "--method", "ig", "--steps", "1"], scratch)
    #expect(scratch.names(in: "out") == ["000.json", "000.npy"])
    let facts = try facts("000.json", scratch)
    #expect(Set(facts.keys) == Self.keys.union(["layer"]))
    #expect(facts["layer"] as? String == layer)
    #expect(try map("000.npy", scratch).shape.dimensions.suffix(2) == [1, 1])
    // Behind the pooling the model is linear: one step is exact.
    let error = try #require(facts["relativeCompletenessError"] as? Double)
    #expect(error < 1e-5)
  }

  // MARK: - What is said besides

  @Test func guessedPreprocessingIsSaid() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", try bytes(of: Program.shapes))
    let arguments = [model, Program.star]
    #expect(
      try Program.run(["run"] + arguments).errors.hasPrefix("note: pictures are preprocessed as"))
    #expect(try Program.run(["run", "--quiet"] + arguments).errors.isEmpty)
    #expect(try Program.run(["run", "-q", "--preprocess", "unit"] + arguments).errors.isEmpty)
  }
}
