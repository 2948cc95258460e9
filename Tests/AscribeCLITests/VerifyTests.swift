import Foundation
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// What `ascribe verify` says of models that compute what was saved with them, and of others.
struct VerifyTests {
  private static let golden = Program.packageRoot + "/Tests/Golden/perceptron.onnx"

  private func report(_ arguments: [String]) throws -> [String: Any] {
    let outcome = try succeeds(["verify"] + arguments + ["--json", "--quiet"])
    return try #require(try outcome.json() as? [String: Any])
  }

  /// The outcome of a method by an axiom.
  private func outcome(
    _ method: String, _ axiom: String, in report: [String: Any]
  ) throws -> String {
    let verdicts = try #require(report["verdicts"] as? [[String: Any]])
    let verdict = verdicts.first {
      $0["method"] as? String == method && $0["axiom"] as? String == axiom
    }
    return try #require(verdict?["outcome"] as? String)
  }

  /// The table of Hesse et al. (2021): IG and, on networks without biases, the X-gradient obey all axioms,
  /// expected gradients do on average, gradients at the point do not.
  @Test func theReferenceNetworksTellMethodsApart() throws {
    let report = try report([
      "--reference", "--methods", "ig:128,xg,gradient,input-x-gradient,expected-gradients:1",
    ])
    let axioms = try #require(report["axioms"] as? [[String: String]]).compactMap { $0["name"] }
    #expect(
      axioms == [
        "completeness", "sensitivity-a", "sensitivity-b", "linearity", "symmetry",
        "implementation", "contrast",
      ])
    for axiom in axioms {
      #expect(try outcome("ig:128", axiom, in: report) == "holds")
      #expect(try outcome("xg", axiom, in: report) == "holds")
      #expect(try outcome("expected-gradients:1", axiom, in: report) != "fails")
    }
    let failures = [
      "gradient": ["completeness", "sensitivity-a", "contrast"],
      "input-x-gradient": ["completeness", "sensitivity-a"],
    ]
    for (method, failing) in failures {
      for axiom in axioms {
        let expected = failing.contains(axiom) ? "fails" : "holds"
        #expect(try outcome(method, axiom, in: report) == expected, "\(method), \(axiom)")
      }
    }
    #expect(
      try outcome("expected-gradients:1", "completeness", in: report) == "in expectation")
    #expect(report["model"] is NSNull && report["function"] is NSNull)
  }

  /// The files MODEL.input.npy and MODEL.output.npy beside a model are what it must compute.
  @Test func savedArraysAreCompared() throws {
    let report = try report([Self.golden, "--methods", "ig:64,input-x-gradient"])
    #expect(report["precision"] as? String == "float64")
    let saved = try #require(report["saved"] as? [[String: Any]])
    #expect(saved.count == 1)
    #expect(saved[0]["agrees"] as? Bool == true)
    #expect(saved[0]["source"] as? String == "perceptron.output.npy")
    #expect((saved[0]["error"] as? Double ?? 1) < 1e-6)
    #expect(try outcome("ig:64", "implementation", in: report) == "holds")
  }

  private func folder(_ scratch: Scratch, output: [Float]) throws -> String {
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    for set in 0..<2 {
      let input = Tensor([1, 2, 3 + Float(set)] as [Float], shape: [1, 3])
      try scratch.write("test_data_set_\(set)/input_0.pb", input.encoded(named: "x"))
    }
    try scratch.write(
      "test_data_set_0/output_0.pb", Tensor([6, 5.5] as [Float], shape: [1, 2]).encoded())
    try scratch.write("test_data_set_1/output_0.pb", Tensor(output, shape: [1, 2]).encoded())
    return model
  }

  @Test func testDataSetsAreCompared() throws {
    let scratch = try Scratch()
    let model = try folder(scratch, output: [9, 4.5])
    let text = try succeeds(["verify", model, "--methods", "xg,gradient"]).output
    #expect(text.contains("test_data_set_0: 'y' agrees"))
    #expect(text.contains("test_data_set_1: 'y' agrees"))
    #expect(text.contains("yes, of degree 1"))
  }

  /// A model that does not compute what was saved with it is bad data: nothing is said of its methods.
  @Test func aBadExportIsFound() throws {
    let scratch = try Scratch()
    let model = try folder(scratch, output: [9, 4.4])
    try fails(
      ["verify", model], code: 65,
      saying: [model, "element 1 of 'y' is 4.5, test_data_set_1 has 4.4", "export it again"])
  }

  @Test func savedDataThatDoNotFit() throws {
    let scratch = try Scratch()
    let model = try folder(scratch, output: [9, 4.5])
    let wide = Tensor([1, 2] as [Float], shape: [1, 2]).encoded()
    try scratch.write("test_data_set_1/input_0.pb", wide)
    try fails(["verify", model], code: 65, saying: ["input_0.pb", "input 'x' takes batchx3"])
    try scratch.write("test_data_set_1/input_0.pb", [1, 2, 3])
    try fails(["verify", model], code: 65, saying: ["input_0.pb"])
    try FileManager.default.removeItem(atPath: scratch.path + "/test_data_set_1/input_0.pb")
    try fails(["verify", model], code: 66, saying: ["input_0.pb"])
    try FileManager.default.removeItem(atPath: scratch.path + "/test_data_set_1")
    let long = Tensor([6, 5.5, 1] as [Float], shape: [1, 3]).encoded()
    try scratch.write("test_data_set_0/output_0.pb", long)
    try fails(["verify", model], code: 65, saying: ["output 'y' is 1x2", "1x3 float32 was saved"])
  }

  /// Each row of an input is a sample, and counter-examples say which.
  @Test func inputsAreRows() throws {
    let scratch = try Scratch()
    let model = try scratch.write(
      "model.onnx", TinyModel.linear(biases: [1, -1]).bytes)
    let x = try scratch.write(
      "x.npy", Tensor([1, 2, 3, -1, 2, 0.5] as [Float], shape: [2, 3]).npyData())
    let outcome = try succeeds(["verify", model, x, "--methods", "ig,gradient,xg"])
    #expect(outcome.output.contains("gradient, completeness on \(x)["))
    #expect(outcome.output.contains("xg needs a homogeneous model"))
    let report = try report([model, x, "--methods", "gradient"])
    #expect((report["inputs"] as? [String])?.count == 2)
  }

  /// Another baseline and another score: what is proved for Integrated Gradients holds for them too.
  @Test func baselineAndTarget() throws {
    let scratch = try Scratch()
    let model = Self.golden
    let start = try scratch.write(
      "b.npy", try bytes(of: model.replacing(".onnx", with: ".input.npy")))
    let loaded = try Tensor(npy: try bytes(of: start))
    let row = loaded.rows(0..<1)
    try scratch.write("b.npy", row.npyData())
    for target in ["0", "argmax"] {
      let report = try report(
        [model, "--methods", "ig:64,xg,gradient", "--baseline", start, "--target", target])
      #expect(report["baseline"] as? String == start)
      for axiom in [
        "completeness", "sensitivity-a", "sensitivity-b", "linearity", "symmetry", "implementation",
      ] {
        #expect(try outcome("ig:64", axiom, in: report) == "holds", "\(axiom)")
      }
      #expect(try outcome("xg", "completeness", in: report) == "not defined")
      #expect(try outcome("gradient", "completeness", in: report) == "fails")
      let function = try #require(report["function"] as? [String: Any])
      if target == "0" { #expect(function["targets"] as? [Int] == [0]) }
    }
    let linear = try scratch.write("linear.onnx", TinyModel.linear().bytes)
    try fails(["verify", linear, "--target", "7"], code: 64, saying: ["target 7", "0 to 1"])
    try fails(["verify", linear, "--target", "0-1"], code: 64, saying: ["one score"])
    try fails(["verify", linear, "--baseline", "zer0"], code: 66, saying: ["'zero'"])
    try fails(["verify", linear, "--baseline", scratch.path], code: 66, saying: ["folder"])
    try fails(["verify", linear, "--baseline", "zero,mean"], code: 64, saying: ["one baseline"])
    let x = try scratch.write("x.npy", Tensor([1, 2] as [Float], shape: [1, 2]).npyData())
    try fails(
      ["verify", linear, x], code: 65, saying: ["takes batchx3 float32, not 1x2 float32"])
    try fails(
      [
        "verify", Program.shapes, Program.star, "--target", "star", "--target-space",
        "/features/features.9/Relu_output_0",
      ], code: 64, saying: ["no label is 'star'"])
    try fails(
      ["verify", linear, "--methods", "grad-cam:layer=z"], code: 64, saying: ["no layer 'z'"])
  }

  /// One of two inputs is explained, the other held; both are noise where no file is given.
  @Test func modelsOfTwoInputs() throws {
    let scratch = try Scratch()
    var tiny = TinyModel.linear()
    tiny.nodes.append(.init(type: "Mul", inputs: ["y", "z"], outputs: ["p"], name: "gate"))
    tiny.inputs.append(.init(name: "z", dimensions: [TinyModel.batch, 2]))
    tiny.outputs = [.init(name: "p", dimensions: [TinyModel.batch, 2])]
    let model = try scratch.write("model.onnx", tiny.bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [1, 3]).npyData())
    let z = try scratch.write("z.npy", Tensor([2, -1] as [Float], shape: [1, 2]).npyData())
    for files in [[], [x, "z=" + z]] {
      let report = try report([model] + files + ["--methods", "ig:32,xg"])
      for axiom in ["completeness", "sensitivity-b", "linearity", "symmetry", "contrast"] {
        #expect(try outcome("xg", axiom, in: report) == "holds")
        #expect(try outcome("ig:32", axiom, in: report) == "holds")
      }
    }
    try fails(["verify", model, x], code: 64, saying: ["further inputs", "z"])
  }

  /// Scores W relu(e + b) of the mean e of the embeddings of three tokens; b = 0 leaves it homogeneous.
  private func tokens(row: [Float], biases: [Float]) -> TinyModel {
    TinyModel(
      nodes: [
        .init(type: "Gather", inputs: ["table", "x"], outputs: ["embedded"], name: "look up"),
        .init(
          type: "ReduceMean", inputs: ["embedded"], outputs: ["mean"], name: "mean",
          attributes: [("axes", .ints([1])), ("keepdims", .int(0))]),
        .init(type: "Add", inputs: ["mean", "b"], outputs: ["sum"], name: "add"),
        .init(type: "Relu", inputs: ["sum"], outputs: ["active"], name: "rectify"),
        .init(type: "MatMul", inputs: ["active", "w"], outputs: ["y"], name: "scores"),
      ],
      initializers: [
        .init(name: "table", dimensions: [3, 2], values: row + [1, 2, 3, -1]),
        .init(name: "b", dimensions: [2], values: biases),
        .init(name: "w", dimensions: [2, 2], values: [1, -2, 0.5, 4]),
      ],
      inputs: [.init(name: "x", dimensions: [TinyModel.batch, 3], type: 7)],
      outputs: [.init(name: "y", dimensions: [TinyModel.batch, 2])])
  }

  /// What holds from an embedding on, and where contrast says nothing: the embedding of token 0 is the
  /// baseline, and biases spoil homogeneity.
  @Test(
    arguments: [
      ([0, 0], [0, 0], "holds", "holds", "from 'embedded' on: yes, of degree 1"),
      ([0.5, 1], [0, 0], "not applicable", "not defined", "layer 'embedded' is not zero"),
      (
        [0, 0], [0.25, 1], "not applicable", "not defined",
        "not homogeneous from layer 'embedded' on"
      ),
    ] as [([Float], [Float], String, String, String)])
  func aLayerOfTokens(
    row: [Float], biases: [Float], contrast: String, exact: String, reason: String
  ) throws {
    let scratch = try Scratch()
    let model = try scratch.write("tokens.onnx", tokens(row: row, biases: biases).bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 1] as [Int64], shape: [1, 3]).npyData())
    let arguments = [model, x, "--layer", "embedded", "--methods", "ig:64,xg,input-x-gradient"]
    let report = try report(arguments)
    #expect(report["layer"] as? String == "embedded")
    // W relu(e + b) at the mean (5/3, 1) less that at the row of token 0; all is above 0.
    let (first, second) = (5 / 3 - row[0], 1 - row[1])
    let changes = [abs(first + second / 2), abs(4 * second - 2 * first)]
    let function = try #require(report["function"] as? [String: Any])
    #expect(function["targets"] as? [Int] == [changes[0] > changes[1] ? 0 : 1])
    #expect((function["degree"] as? Int) == (biases == [0, 0] ? 1 : nil))
    for axiom in [
      "completeness", "sensitivity-a", "sensitivity-b", "linearity", "symmetry", "implementation",
    ] {
      #expect(try outcome("ig:64", axiom, in: report) == "holds", "\(axiom)")
      #expect(try outcome("xg", axiom, in: report) == exact, "\(axiom)")
    }
    #expect(try outcome("ig:64", "contrast", in: report) == contrast)
    let text = try succeeds(["verify"] + arguments).output
    #expect(text.contains("layer          embedded"), "\(text)")
    #expect(text.contains(reason), "\(text)")
  }

  /// A mask made from the tokens is held while the embedding changes.
  @Test func aLayerBesideAMask() throws {
    let folder = Program.packageRoot + "/Tests/Golden/tokens/"
    for model in ["tokens.onnx", "tokens-masked.onnx"] {
      let report = try report([
        folder + model, folder + "tokens-3.npy", "--layer", "embedded", "--methods",
        "ig:64,gradient",
      ])
      for axiom in [
        "completeness", "sensitivity-a", "sensitivity-b", "linearity", "symmetry",
        "implementation",
      ] { #expect(try outcome("ig:64", axiom, in: report) == "holds", "\(model), \(axiom)") }
      #expect(try outcome("gradient", "completeness", in: report) == "fails")
      #expect(try outcome("gradient", "contrast", in: report) == "not applicable")
    }
  }

  @Test func aFeatureMap() throws {
    let report = try report([
      Program.shapes, Program.star, "--layer", "/features/features.9/Relu_output_0", "--methods",
      "input-x-gradient,deeplift",
    ])
    #expect(try outcome("deeplift", "completeness", in: report) == "holds")
    #expect(try outcome("deeplift", "sensitivity-a", in: report) == "holds")
    #expect(try outcome("input-x-gradient", "linearity", in: report) == "holds")
    #expect(try outcome("input-x-gradient", "completeness", in: report) == "fails")
    #expect(try outcome("input-x-gradient", "contrast", in: report) == "not applicable")
  }

  @Test func layersThatCannotBeVerified() throws {
    let scratch = try Scratch()
    let model = try scratch.write("tokens.onnx", tokens(row: [0, 0], biases: [0, 0]).bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 1] as [Int64], shape: [1, 3]).npyData())
    func refuses(_ arguments: [String], _ parts: String...) throws {
      try fails(["verify", model] + arguments, code: 64, saying: parts)
    }
    try refuses([x], "input 'x' holds int64", "computed from it: --layer 'embedded'")
    try refuses(["--layer", "embedded"], "input 'x'", "no noise", "give a file")
    try refuses([x, "--layer", "embeded"], "no layer 'embeded'", "'embedded'")
    try refuses([x, "--layer", "table"], "'table' is a constant")
    try refuses([x, "--layer", "x"], "layer 'x' holds int64")
    try refuses(
      [x, "--layer", "embedded", "--methods", "conductance:layer=mean"], "layer of its own")
    try fails(["verify", "--reference", "--layer", "x"], code: 64, saying: ["--layer goes with"])
    let zeros = try scratch.write("0.npy", Tensor([0, 0, 0] as [Int64], shape: [1, 3]).npyData())
    try fails(
      ["verify", model, zeros, "--layer", "embedded"], code: 65, saying: ["give another input"])
  }

  /// A model of two samples at a time is tried on each row of a file, or on one sample of noise.
  @Test func aFixedBatch() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.pairs().bytes)
    let rows = Tensor([1, 2, 3, -1, 0.5, 2] as [Float], shape: [2, 3])
    let x = try scratch.write("x.npy", rows.npyData())
    for (files, names) in [([], ["noise of seed 1"]), ([x], [x + "[0]", x + "[1]"])] {
      let report = try report([model] + files + ["--methods", "ig:32,gradient"])
      #expect(report["inputs"] as? [String] == names)
      for axiom in ["completeness", "sensitivity-a", "symmetry", "linearity"] {
        #expect(try outcome("ig:32", axiom, in: report) == "holds", "\(axiom)")
      }
    }
    let layer = try report([model, x, "--layer", "z", "--methods", "ig:32"])
    #expect(try outcome("ig:32", "completeness", in: layer) == "holds")
  }

  /// The baseline matters for the score that is looked at, whatever the methods are.
  @Test func aBaselineBesideGradients() throws {
    let report = try report([
      Program.shapes, Program.star, "--methods", "gradient", "--baseline", "black", "--budget", "1",
    ])
    #expect(report["baseline"] as? String == "black")
  }

  /// FullGrad adds up to the score itself, also where that is not zero at the baseline.
  @Test func fullGradAddsUpToTheScore() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear(biases: [3, -4]).bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [1, 3]).npyData())
    let report = try report([model, x, "--methods", "fullgrad,gradient"])
    #expect(try outcome("fullgrad", "completeness", in: report) == "holds")
    #expect(try outcome("gradient", "completeness", in: report) == "fails")
  }

  @Test func aModelThatIsNotDefinedThere() throws {
    let scratch = try Scratch()
    let log = try scratch.write("log.onnx", TinyModel.elementwise("Log").bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [1, 3]).npyData())
    let minus = try scratch.write(
      "minus.npy", Tensor([1, -2, 3] as [Float], shape: [1, 3]).npyData())
    try fails(
      ["verify", log, minus], code: 65, saying: ["score 1 is nan at \(minus)", "give an input"])
    try fails(["verify", log, x], code: 65, saying: ["score 0 is -inf", "--baseline"])
  }

  @Test func whatCannotBeVerified() throws {
    let scratch = try Scratch()
    let tokens = TinyModel(
      nodes: [.init(type: "Cast", inputs: ["x"], outputs: ["y"], attributes: [("to", .int(1))])],
      inputs: [.init(name: "x", dimensions: [1, 3], type: 7)],
      outputs: [.init(name: "y", dimensions: [1, 3])])
    let model = try scratch.write("tokens.onnx", tokens.bytes)
    try fails(
      ["verify", model], code: 64, saying: ["input 'x'", "gets no attribution", "--layer 'y'"])
    let flat = try scratch.write("flat.onnx", TinyModel.elementwise("Floor").bytes)
    try fails(["verify", flat], code: 65, saying: [flat, "no gradient"])
    try fails(["verify", scratch.path + "/none.onnx"], code: 66, saying: ["none.onnx"])
    let sound = try scratch.write("sound.onnx", TinyModel.linear().bytes)
    try fails(["verify", sound, scratch.path + "/none.npy"], code: 66, saying: ["none.npy"])
    try fails(
      ["verify", sound, "--methods", "magic"], code: 64, saying: ["'magic'", "not one of"])
    let zero = try scratch.write(
      "zero.npy", Tensor([0, 0, 0] as [Float], shape: [1, 3]).npyData())
    try fails(["verify", sound, zero], code: 65, saying: ["give another input"])
  }

  @Test(arguments: [
    ["verify"], ["verify", "model.onnx", "--reference"],
    ["verify", "--reference", "--budget", "0"], ["verify", "--reference", "--budget", "inf"],
    ["verify", "--reference", "--precision", "bf16"], ["verify", "--reference", "--seed", "-1"],
    ["verify", "--reference", "--methods", "xg,xg"], ["verify", "--reference", "--target", "1"],
    ["verify", "--reference", "--baseline", "zero"],
    ["verify", "m", "--methods", "ig:32", "--steps", "16"],
    ["verify", "--reference", "--precision", "float32"], ["verify", "m", "--labels", "l.txt"],
    ["verify", "m", "--labels", "l.txt", "--target", "3"], ["verify", "m", "--preprocess", "unit"],
  ])
  func misuse(arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    #expect(outcome.code == 64, "\(outcome.errors)")
    #expect(outcome.output.isEmpty && outcome.errors.hasPrefix("error: "))
  }
}
