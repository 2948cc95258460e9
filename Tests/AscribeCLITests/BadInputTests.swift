import Foundation
import Tensors
import TestSupport
import Testing

/// Inputs and options that cannot be used with a sound model.
struct BadInputTests {
  /// Expects `run` and `attribute` to refuse these arguments and to write nothing.
  private func isRefused(
    _ arguments: [String], code: Int32 = 65, saying parts: [String], scratch: Scratch,
    model: String = Program.shapes, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for command in ["run", "attribute"] {
      try fails(
        [command, model] + arguments + ["--output", scratch.path + "/out"], code: code,
        saying: parts, sourceLocation: sourceLocation)
    }
    #expect(scratch.names(in: "out").isEmpty, sourceLocation: sourceLocation)
  }

  /// Expects `attribute` to refuse these options for a sound picture and to write nothing.
  private func isRefused(
    options: [String], code: Int32 = 64, saying parts: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let scratch = try Scratch()
    try fails(
      ["attribute", Program.shapes, Program.star, "--output", scratch.path + "/out"] + options,
      code: code, saying: parts, sourceLocation: sourceLocation)
    #expect(scratch.names(in: "out").isEmpty, sourceLocation: sourceLocation)
  }

  /// Expects the arguments to be refused as misuse, in one line that names the help.
  private func isMisuse(
    _ arguments: [String], saying part: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try fails(
      arguments, code: 64, saying: [part, "; see ascribe "], sourceLocation: sourceLocation)
  }

  // MARK: - Files

  @Test func moreThreadsThanCanBeStarted() throws {
    let outcome = try Program.run(
      ["inspect", Program.shapes], environment: ["OMP_NUM_THREADS": "100000"])
    #expect(outcome.code == 64)
    #expect(
      outcome.errors.hasPrefix("error: OMP_NUM_THREADS is 100000, at most 1024 are possible"))
  }

  @Test(arguments: ["none.png", "none.npy", "none.pb", "folder/none.jpg"])
  func missingInput(name: String) throws {
    let scratch = try Scratch()
    try isRefused(
      [scratch.path + "/" + name], code: 66, saying: [name, "no such file"], scratch: scratch)
  }

  /// Nothing is written for the first input if the second is not there.
  @Test func oneOfTwoInputsIsMissing() throws {
    let scratch = try Scratch()
    try isRefused(
      [Program.star, scratch.path + "/none.png"], code: 66, saying: ["none.png"], scratch: scratch)
  }

  @Test func aFolderForAnInput() throws {
    let scratch = try Scratch()
    for name in ["folder", "folder.npy", "folder.pb"] {
      try scratch.write(name + "/file", [])
      try isRefused([scratch.path + "/" + name], code: 66, saying: [name], scratch: scratch)
    }
  }

  @Test func aTextNamedAsAPicture() throws {
    let scratch = try Scratch()
    for name in ["text.png", "text.jpg", "text.npy", "text.pb", "text"] {
      let path = try scratch.write(name, "This is no picture, and no tensor either.\n")
      try isRefused([path], saying: [name], scratch: scratch)
    }
  }

  @Test func emptyInput() throws {
    let scratch = try Scratch()
    for name in ["empty.png", "empty.npy", "empty.pb"] {
      let path = try scratch.write(name, [UInt8]())
      try isRefused([path], saying: [name], scratch: scratch)
    }
  }

  @Test(arguments: [0.02, 0.5, 0.99])
  func truncatedPicture(share: Double) throws {
    let scratch = try Scratch()
    let whole = try bytes(of: Program.star)
    let path = try scratch.write(
      "half.png", Array(whole.prefix(Int(share * Double(whole.count)))))
    try isRefused([path], saying: ["half.png"], scratch: scratch)
  }

  /// libpng must not print complaints of its own.
  @Test func damagedPicture() throws {
    let scratch = try Scratch()
    var picture = try bytes(of: Program.star)
    picture[9] = 0xA2
    let path = try scratch.write("damaged.png", picture)
    try isRefused([path], saying: ["damaged.png", "IHDR"], scratch: scratch)
    picture = try bytes(of: Program.star)
    let start = try #require(picture.indices.first { picture[$0...].starts(with: "IDAT".utf8) })
    for place in (start + 8)..<(start + 40) { picture[place] = 0xFF }
    try scratch.write("damaged.png", picture)
    try isRefused(
      [path], saying: ["damaged.png: the PNG picture is damaged: IDAT"], scratch: scratch)
  }

  @Test func truncatedTensor() throws {
    let scratch = try Scratch()
    let whole = Tensor([Float](repeating: 0, count: 3 * 64 * 64), shape: [1, 3, 64, 64]).npyData()
    for count in [3, 9, 60, 128, whole.count - 1] {
      let path = try scratch.write("part.npy", Array(whole.prefix(count)))
      try isRefused([path], saying: ["part.npy"], scratch: scratch)
    }
  }

  @Test func oversizedInput() throws {
    let scratch = try Scratch()
    let starts: [(String, [UInt8])] = [
      ("big.png", []), ("big.png", try bytes(of: Program.star)), ("big.npy", []),
      ("big.npy", Tensor([Float](repeating: 0, count: 3 * 64 * 64), shape: [3, 64, 64]).npyData()),
      ("big.pb", []),
    ]
    for (name, start) in starts {
      let path = try scratch.write(name, start)
      #expect(truncate(path, 3 << 30) == 0)
      try isRefused([path], saying: [name], scratch: scratch)
    }
  }

  /// Headers that promise what no memory holds.
  @Test func overflowingTensor() throws {
    let scratch = try Scratch()
    for extents in [
      "9223372036854775807, 2", "4611686018427387904,", "99999999999999999999,", "-1, 3", "1 << 3,",
    ] {
      var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }"
      header += String(repeating: " ", count: 117 - header.count) + "\n"
      let file = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
      let path = try scratch.write("huge.npy", file + [0, 0, 0, 0])
      try isRefused([path], saying: ["huge.npy"], scratch: scratch)
    }
  }

  // MARK: - Inputs that do not fit the model

  @Test(arguments: [
    [2, 2], [64, 64], [1, 64, 64], [3, 32, 32], [1, 1, 3, 64, 64], [0, 3, 64, 64], [],
  ])
  func wrongShape(dimensions: [Int]) throws {
    let scratch = try Scratch()
    let shape = Shape(dimensions)
    let tensor = Tensor([Float](repeating: 0, count: shape.elementCount), shape: shape)
    let path = try scratch.write("x.npy", tensor.npyData())
    try isRefused(
      [path], saying: ["x.npy", "'image'", "batchx3x64x64 float32"], scratch: scratch)
  }

  @Test func wrongType() throws {
    let scratch = try Scratch()
    let path = try scratch.write(
      "x.npy", Tensor([Int64](repeating: 0, count: 3 * 64 * 64), shape: [1, 3, 64, 64]).npyData())
    try isRefused([path], saying: ["x.npy", "float32", "int64"], scratch: scratch)
  }

  @Test func unsupportedElements() throws {
    let scratch = try Scratch()
    for code in ["<c8", "|O", "<U8", "<M8[s]"] {
      var header = "{'descr': '\(code)', 'fortran_order': False, 'shape': (1,), }"
      header += String(repeating: " ", count: 117 - header.count) + "\n"
      let file = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
      let path = try scratch.write("x.npy", file + [UInt8](repeating: 0, count: 8))
      try isRefused([path], saying: ["x.npy", code], scratch: scratch)
    }
  }

  @Test func aPictureForAModelOfVectors() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    try isRefused(
      [Program.star], code: 64, saying: ["'x'", ".npy"], scratch: scratch, model: model)
  }

  @Test func aPictureOfAnotherSize() throws {
    let scratch = try Scratch()
    let rule = try scratch.write(
      "rule.json",
      """
      {"crop": {"width": 32, "height": 32}, "channels": "RGB", "scale": 1,
       "mean": [0, 0, 0], "std": [1, 1, 1]}
      """)
    try isRefused(
      [Program.star, "--preprocess", rule], saying: ["000.png", "32x32"], scratch: scratch)
  }

  @Test func furtherInputsAreMissing() throws {
    let scratch = try Scratch()
    var model = TinyModel.elementwise("Add")
    model.nodes[0].inputs = ["x", "z"]
    model.inputs.append(.init(name: "z", dimensions: [TinyModel.batch, 3]))
    let path = try scratch.write("model.onnx", model.bytes)
    let x = try scratch.write(
      "x.npy", Tensor([Float](repeating: 1, count: 3), shape: [3]).npyData())
    try isRefused([x], code: 64, saying: ["NAME=FILE", "z"], scratch: scratch, model: path)
    try isRefused(
      ["x=" + x, "x=" + x], code: 64, saying: ["'x'", "twice"], scratch: scratch, model: path)
    try isRefused(
      ["x=" + x, "z=" + x, x], code: 64, saying: ["NAME=FILE"], scratch: scratch, model: path)
    try isRefused(
      ["x=" + x, "w=" + x], code: 66, saying: ["w="], scratch: scratch, model: path)
  }

  @Test func resultsOfTheSameName() throws {
    let scratch = try Scratch()
    let other = Program.packageRoot + "/models/shapes/images/heart/000.png"
    try isRefused(
      [Program.star, other], code: 64, saying: ["star/000.png", "heart/000.png", "--output"],
      scratch: scratch)
    #expect(try succeeds(["run", Program.shapes, Program.star, other]).code == 0)
  }

  @Test func aModelWithoutInput() throws {
    let scratch = try Scratch()
    var model = TinyModel.addition(
      .init(name: "w", dimensions: [2, 3], values: [1, 2, 3, 4, 5, 6]))
    model.nodes[0].inputs = ["w", "w"]
    model.inputs = []
    let path = try scratch.write("model.onnx", model.bytes)
    try isRefused([Program.star], code: 64, saying: ["no input"], scratch: scratch, model: path)
  }

  @Test func aCommandThatThereIsNot() throws {
    try fails(["frobnicate"], code: 64, saying: ["'frobnicate' is not a command"])
    try fails(["frobnicate", "x"], code: 64, saying: ["'frobnicate' is not a command"])
  }

  // MARK: - Preprocessing and labels

  @Test func unknownPreset() throws {
    let scratch = try Scratch()
    try isRefused(
      [Program.star, "--preprocess", "imagnet"], code: 64,
      saying: ["'imagnet'", "imagenet, caffe, unit, raw"], scratch: scratch)
  }

  @Test(arguments: [
    ("", "JSON"), ("{", "JSON"), ("[1]", "JSON"), ("{}", "missing"),
    (#"{"channels": "RGB", "scale": 1, "mean": [0,0,0], "std": [1,1,1], "speed": 3}"#, "speed"),
    (#"{"channels": "RBG", "scale": 1, "mean": [0,0,0], "std": [1,1,1]}"#, "channels"),
    (#"{"channels": "RGB", "scale": 1, "mean": [0], "std": [1,1,1]}"#, "mean"),
    (#"{"channels": "RGB", "scale": 1, "mean": [0,0,0], "std": [1,0,1]}"#, "std"),
    (#"{"channels": "RGB", "scale": 1e999, "mean": [0,0,0], "std": [1,1,1]}"#, "rule.json"),
    (
      #"{"channels": "RGB", "scale": 1, "mean": [0,0,0], "std": [1,1,1], "resize": {"shortSide": -5}}"#,
      "shortSide"
    ),
    (
      #"{"channels": "RGB", "scale": 1, "mean": [0,0,0], "std": [1,1,1], "resize": {"shortSide": 1e18}}"#,
      "shortSide"
    ),
    (
      #"{"channels": "RGB", "scale": 1, "mean": [0,0,0], "std": [1,1,1], "crop": {"width": 9e18, "height": 9e18}}"#,
      "crop"
    ),
  ])
  func badPreprocessing(text: String, part: String) throws {
    let scratch = try Scratch()
    let rule = try scratch.write("rule.json", text)
    try isRefused(
      [Program.star, "--preprocess", rule], saying: ["rule.json", part], scratch: scratch)
  }

  @Test func badPreprocessingBesideTheModel() throws {
    let scratch = try Scratch()
    let model = try scratch.write("shapes.onnx", try bytes(of: Program.shapes))
    try scratch.write("shapes.preprocess.json", "{\"resize\": 3}")
    try isRefused(
      [Program.star], saying: ["shapes.preprocess.json", "resize"], scratch: scratch, model: model)
  }

  @Test func oversizedPreprocessing() throws {
    let scratch = try Scratch()
    let rule = try scratch.write("rule.json", "{}")
    #expect(truncate(rule, 3 << 30) == 0)
    try isRefused(
      [Program.star, "--preprocess", rule], saying: ["rule.json", "too large"], scratch: scratch)
  }

  @Test func missingPreprocessing() throws {
    let scratch = try Scratch()
    try isRefused(
      [Program.star, "--preprocess", scratch.path + "/none.json"], code: 66, saying: ["none.json"],
      scratch: scratch)
  }

  @Test func badLabels() throws {
    let scratch = try Scratch()
    try isRefused(
      [Program.star, "--labels", scratch.path + "/none.txt"], code: 66, saying: ["none.txt"],
      scratch: scratch)
    let binary = try scratch.write("binary.txt", [0x63, 0xFF, 0xFE, 0x00])
    try isRefused(
      [Program.star, "--labels", binary], saying: ["binary.txt", "UTF-8"], scratch: scratch)
    let huge = try scratch.write("huge.txt", [])
    #expect(truncate(huge, 3 << 30) == 0)
    try isRefused([Program.star, "--labels", huge], saying: ["huge.txt"], scratch: scratch)
  }

  // MARK: - Options of attribute

  @Test func unknownTargets() throws {
    try isRefused(options: ["--target", "10"], saying: ["10", "0 to 9"])
    try isRefused(options: ["--target=-1"], saying: ["-1", "0 to 9"])
    try isRefused(options: ["--target", "4,99"], saying: ["99"])
    try isRefused(options: ["--target", "zebra"], saying: ["'zebra'"])
    try isRefused(
      options: ["--target", "star-circel"], saying: ["'circel'", "did you mean 'circle'"])
    for count in ["11", "99999999999", "9223372036854775807,1"] {
      try isRefused(options: ["--target", "top" + count], saying: ["the model has 10 scores"])
    }
    try isRefused(options: ["--target", "1-1"], saying: ["score 1", "itself"])
    try isRefused(options: ["--target", "star,4"], saying: ["'star' and '4'", "same score"])
    try isRefused(options: ["--target", "99999999999999999999"], saying: ["99999999999999999999"])
  }

  @Test func targetSpaceOfNoOutput() throws {
    try isRefused(options: ["--target-space", "logitz"], saying: ["'logitz'", "logits"])
  }

  @Test func unknownLayer() throws {
    try isRefused(options: ["--layer", "features.99"], saying: ["'features.99'", "--layers"])
    try isRefused(
      options: ["--layer", "features.0.weight"], saying: ["'features.0.weight'", "constant"])
  }

  @Test func layersHaveNoPicture() throws {
    try isRefused(
      options: ["--layer", "/features/features.0/Conv", "--format", "png"], saying: ["png"])
  }

  @Test func tensorsHaveNoPicture() throws {
    let scratch = try Scratch()
    let tensor = Tensor([Float](repeating: 0, count: 3 * 64 * 64), shape: [1, 3, 64, 64])
    let path = try scratch.write("x.npy", tensor.npyData())
    try fails(
      [
        "attribute", Program.shapes, path, "--format", "npy,png", "--output", scratch.path + "/out",
      ],
      code: 64, saying: ["x.npy", "png"])
    #expect(scratch.names(in: "out").isEmpty)
  }

  @Test func badBaselines() throws {
    let scratch = try Scratch()
    let small = try scratch.write(
      "small.npy", Tensor([Float](repeating: 0, count: 12), shape: [3, 2, 2]).npyData())
    try isRefused(options: ["--baseline", small], code: 65, saying: ["small.npy", "3x64x64"])
    let two = try scratch.write(
      "two.npy",
      Tensor([Float](repeating: 0, count: 2 * 3 * 64 * 64), shape: [2, 3, 64, 64]).npyData())
    try isRefused(options: ["--baseline", two], code: 65, saying: ["two.npy", "one sample"])
    try isRefused(options: ["--baseline", "grey"], code: 66, saying: ["grey", "no such file"])
    try isRefused(options: ["--baseline", "zer0"], code: 66, saying: ["did you mean 'zero'?"])
    let text = try scratch.write("text.png", "no picture")
    try isRefused(options: ["--baseline", text], code: 65, saying: ["text.png"])
  }

  @Test func baselinesThatNeedPictures() throws {
    let scratch = try Scratch()
    let model = try scratch.write("model.onnx", TinyModel.linear().bytes)
    let x = try scratch.write(
      "x.npy", Tensor([Float](repeating: 1, count: 3), shape: [3]).npyData())
    for baseline in ["black", "white", "blur"] {
      try fails(
        [
          "attribute", model, x, "--method", "ig", "--baseline", baseline, "--output",
          scratch.path + "/out",
        ],
        code: 64, saying: ["'\(baseline)'", "pictures"])
    }
    #expect(scratch.names(in: "out").isEmpty)
  }

  @Test func xGradientNeedsHomogeneity() throws {
    try isRefused(options: ["--method", "xg"], saying: ["homogeneous", "adds its bias", "use ig"])
  }

  @Test func integersHaveNoGradient() throws {
    let scratch = try Scratch()
    var model = TinyModel.elementwise("Abs")
    model.inputs[0].type = 7
    model.outputs[0].type = 7
    let path = try scratch.write("model.onnx", model.bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Int64], shape: [3]).npyData())
    try fails(
      ["attribute", path, x, "--output", scratch.path + "/out"], code: 64,
      saying: ["'x'", "int64", "--layer"])
    #expect(scratch.names(in: "out").isEmpty)
  }

  /// What is computed from integers is named as `inspect --layers` names it, by every command.
  @Test func theLayerBehindIntegersIsNamed() throws {
    let scratch = try Scratch()
    let model = TinyModel(
      nodes: [
        .init(type: "Abs", inputs: ["x"], outputs: ["places"], name: "places"),
        .init(type: "Gather", inputs: ["w", "places"], outputs: ["x_rows"], name: "embed"),
        .init(
          type: "ReduceMean", inputs: ["x_rows"], outputs: ["y"], name: "mean",
          attributes: [("axes", .ints([1])), ("keepdims", .int(0))]),
      ],
      initializers: [.init(name: "w", dimensions: [3, 2], values: [1, 2, 3, 4, 5, 6])],
      inputs: [.init(name: "x", dimensions: [TinyModel.batch, 3], type: 7)],
      outputs: [.init(name: "y", dimensions: [TinyModel.batch, 2])])
    let path = try scratch.write("model.onnx", model.bytes)
    let x = try scratch.write("x.npy", Tensor([0, 1, 2] as [Int64], shape: [3]).npyData())
    let out = scratch.path + "/out"
    for arguments in [
      ["attribute", path, x, "--output", out], ["verify", path],
      ["export", path, "--output", out + ".onnx"],
    ] {
      try fails(arguments, code: 64, saying: ["'x'", "int64", "--layer 'x_rows'"])
    }
    try fails(
      ["attribute", path, x, "--layer", "places", "--output", out], code: 64,
      saying: ["'places'", "int64"])
    try succeeds(["attribute", path, x, "--layer", "x_rows", "--output", out])
  }

  /// No method gives numbers to an input that the scores do not depend on.
  @Test(arguments: ["ig", "gradient", "lrp", "grad-cam", "fullgrad", "occlusion", "random"])
  func anInputWithoutPath(method: String) throws {
    let scratch = try Scratch()
    var model = TinyModel.elementwise()
    model.inputs.append(.init(name: "z", dimensions: [TinyModel.batch, 3]))
    let path = try scratch.write("model.onnx", model.bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    try fails(
      ["attribute", path, x, "x=" + x, "--method", method, "--output", scratch.path + "/out"],
      code: 65, saying: ["'y' does not depend on 'z'"])
  }

  /// What is read of the input is its shape only, as is known once that is.
  @Test(arguments: ["ig:2", "occlusion", "random"])
  func anInputWhoseShapeIsRead(method: String) throws {
    let scratch = try Scratch()
    let model = TinyModel(
      nodes: [
        .init(type: "Shape", inputs: ["x"], outputs: ["extents"], name: "extents"),
        .init(
          type: "Cast", inputs: ["extents"], outputs: ["numbers"], name: "numbers",
          attributes: [("to", .int(1))]),
        .init(type: "Add", inputs: ["numbers", "w"], outputs: ["y"], name: "sum"),
      ],
      initializers: [.init(name: "w", dimensions: [1, 2], values: [1, 2])],
      inputs: [.init(name: "x", dimensions: [TinyModel.batch, 3])],
      outputs: [.init(name: "y", dimensions: [1, 2])])
    let path = try scratch.write("model.onnx", model.bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    try fails(
      ["attribute", path, x, "--method", method, "--output", scratch.path + "/out"], code: 65,
      saying: ["'y' does not depend on 'x'"])
  }

  /// A path through an inner value, and an inner value along it, of a model of tokens.
  @Test func conductanceBehindIntegers() throws {
    let scratch = try Scratch()
    let model = TinyModel(
      nodes: [
        .init(type: "Gather", inputs: ["w", "x"], outputs: ["rows"], name: "embed"),
        .init(
          type: "ReduceMean", inputs: ["rows"], outputs: ["mean"], name: "mean",
          attributes: [("axes", .ints([1])), ("keepdims", .int(0))]),
        .init(type: "Relu", inputs: ["mean"], outputs: ["y"], name: "relu"),
      ],
      initializers: [.init(name: "w", dimensions: [3, 2], values: [0, 0, 2, 1, 4, 2])],
      inputs: [.init(name: "x", dimensions: [TinyModel.batch, 2], type: 7)],
      outputs: [.init(name: "y", dimensions: [TinyModel.batch, 2])])
    let path = try scratch.write("model.onnx", model.bytes)
    let x = try scratch.write("x.npy", Tensor([1, 2] as [Int64], shape: [2]).npyData())
    let arguments = ["attribute", path, x, "--output", scratch.path + "/out"]
    let method = ["--method", "conductance:4:layer=mean"]
    try fails(arguments + method, code: 64, saying: ["--layer 'rows'"])
    try succeeds(arguments + method + ["--layer", "rows"])
    // Of the mean (3, 1.5) the score 0 reads the first element.
    let map = try Tensor(npy: try bytes(of: scratch.path + "/out/x.npy"))
    #expect(zip(map.elements(as: Float.self), [3, 0]).allSatisfy { abs($0 - $1) < 1e-5 })
    try fails(
      arguments + ["--method", "conductance:4:layer=rows", "--layer", "mean"], code: 64,
      saying: ["layer 'rows'", "behind --layer 'mean'"])
  }

  /// log(-1), log(0) at the baseline, and the slope of a square root at 0.
  @Test func numbersThatAreNotFinite() throws {
    let scratch = try Scratch()
    let log = try scratch.write("log.onnx", TinyModel.elementwise("Log").bytes)
    let root = try scratch.write("root.onnx", TinyModel.elementwise("Sqrt").bytes)
    let none = try scratch.write("none.npy", Tensor([1, .nan, 1] as [Float], shape: [3]).npyData())
    try fails(["run", log, none], code: 65, saying: ["none.npy: it holds NaN"])
    let minus = try scratch.write(
      "minus.npy", Tensor([-1, -1, -1] as [Float], shape: [3]).npyData())
    let plus = try scratch.write("plus.npy", Tensor([1, 2, 3] as [Float], shape: [3]).npyData())
    let zero = try scratch.write("zero.npy", Tensor([0, 0, 0] as [Float], shape: [3]).npyData())
    let out = ["--output", scratch.path + "/out"]
    try fails(
      ["attribute", log, minus, "--method", "gradient", "--target", "0"] + out, code: 65,
      saying: ["nan"])
    try fails(
      ["attribute", log, plus, "--method", "ig", "--target", "0"] + out, code: 65,
      saying: ["-inf", "baseline"])
    try fails(
      ["attribute", root, zero, "--method", "gradient", "--target", "0"] + out, code: 65,
      saying: ["not finite"])
    #expect(scratch.names(in: "out").isEmpty)
    _ = try succeeds(["run", log, minus, "--json"]).json()
    _ = try succeeds(["run", log, zero, "--json"]).json()
  }

  // MARK: - Misuse of the command line

  @Test(arguments: [
    ([], "model"), (["frobnicate"], "frobnicate"), (["inspect"], "model"),
    (["inspect", "a", "b"], "b"), (["run", "model.onnx"], "input"),
    (["run", "m", "i", "--top", "0"], "--top"), (["run", "m", "i", "--top", "many"], "many"),
    (["run", "m", "i", "--precision", "float8"], "float8"),
    (["attribute", "m", "i", "--steps", "0"], "--steps"),
    (["attribute", "m", "i", "--steps=-5"], "--steps"),
    (["attribute", "m", "i", "--steps", "1000001"], "--steps"),
    (["attribute", "m", "i", "--steps", "99999999999999999999"], "--steps"),
    (["attribute", "m", "i", "--quadrature", "simpson"], "simpson"),
    (["attribute", "m", "i", "--quadrature", "warped:0.5"], "warped:0.5"),
    (["attribute", "m", "i", "--quadrature", "warped:nan"], "warped:nan"),
    (["attribute", "m", "i", "--method", "magic"], "magic"),
    (["attribute", "m", "i", "--format", "npy,jpg"], "--format"),
    (["attribute", "m", "i", "--format", ""], "--format"),
    (["attribute", "m", "i", "--target", ""], "--target"),
    (["attribute", "m", "i", "--target", "1,,2"], "--target"),
    (["attribute", "m", "i", "--baseline", "noise:one"], "noise:SEED"),
    (["attribute", "m", "i", "--baseline", "gaussian:abc"], "gaussian:SEED"),
    (["attribute", "m", "i", "--baseline", "gaussian"], "as in gaussian:1"),
    (["attribute", "m", "i", "--baseline", "black,black"], "twice"),
    (["attribute", "m", "i", "--method", "lrp:gamma=2"], "rule=gamma"),
    (["attribute", "m", "i", "--method", "lrp:low=2"], "rule=epsilon-gamma-box"),
    (["attribute", "m", "i", "--method", "lrp:zeta=2"], "lrp[:rule=RULE]"),
    (["attribute", "m", "i", "--method", "gradient:2"], "takes no number"),
    (["attribute", "m", "i", "--method", "ig:4:quadrature=warped:99"], "warped[:POWER]"),
    (["attribute", "m", "i", "--baseline", ""], "--baseline"),
    (["attribute", "m", "i", "--frobnicate"], "--frobnicate"),
    (["run", "m", "x", "--precision", "bf16-gradients"], "--precision"),
    (["bench", "m", "--batch", "0"], "--batch"), (["bench", "m", "--runs=-1"], "--runs"),
  ])
  func misuse(arguments: [String], part: String) throws {
    guard !arguments.isEmpty else { return }
    try isMisuse(arguments, saying: part)
  }

  /// Without a subcommand the program says what it can do.
  @Test func noArguments() throws {
    let outcome = try Program.run([])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("SUBCOMMANDS"))
  }
}
