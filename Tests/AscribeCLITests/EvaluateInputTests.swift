import Foundation
import Tensors
import TestSupport
import Testing

/// `ascribe evaluate --input`: models of several inputs.
struct EvaluateInputTests {
  private static let golden = Program.packageRoot + "/Tests/Golden/tokens"

  private let scratch: Scratch
  private let output: String

  init() throws {
    scratch = try Scratch()
    output = scratch.path + "/r.sqlite"
  }

  /// y = W (x m + s) with x and m of a sample, s of three numbers.
  private func gated() throws -> String {
    var model = TinyModel.linear()
    model.nodes[0].inputs[0] = "shifted"
    model.nodes.insert(
      contentsOf: [
        TinyModel.Node(type: "Mul", inputs: ["x", "m"], outputs: ["gated"], name: "gate"),
        TinyModel.Node(type: "Add", inputs: ["gated", "s"], outputs: ["shifted"], name: "shift"),
      ], at: 0)
    model.inputs.append(TinyModel.Port(name: "m", dimensions: [TinyModel.batch, 3]))
    model.inputs.append(TinyModel.Port(name: "s", dimensions: [3]))
    return try scratch.write("gated.onnx", model.bytes)
  }

  private func map(_ method: String, _ line: Int) throws -> [Float] {
    try Tensor(npy: bytes(of: scratch.path + "/maps/gated/\(method)/line-00000\(line).npy"))
      .elements(as: Float.self)
  }

  /// The gradient of a row of W is that row times the sample's own m, whichever input is explained and
  /// whatever stands beside it.
  @Test(arguments: ["x", "m"]) func mapsBesideRowsOfTheSample(explained: String) throws {
    let data = try scratch.write("x.txt", "3 1 2\n1 2 -1\n5 5 5\n")
    let gates = try scratch.write("m.tsv", "1\t0\t2\n0\t0\t0\n-1\t1\t0.5\n")
    let shift = try scratch.write("s.npy", Tensor([1, 1, 1] as [Float]).npyData())
    let other = explained == "x" ? "m" : "x"
    try succeeds([
      "evaluate", try gated(), "--data", data, "--input", "\(other)=\(gates)", "--input",
      "s=\(shift)", "--methods", "gradient,input-x-gradient,ig:4", "--metrics",
      "completeness,difference,infidelity,max-sensitivity", "--save-maps", scratch.path + "/maps",
      "--output", output, "--quiet",
    ])
    let weights: [[Float]] = [[1, -2, 3], [0.5, 4, -1]]
    for (line, (x, m)) in zip(
      [[3, 1, 2], [1, 2, -1], [5, 5, 5]] as [[Float]],
      [[1, 0, 2], [0, 0, 0], [-1, 1, 0.5]] as [[Float]]
    ).enumerated() {
      let scores = weights.map { row in
        (0..<3).reduce(Float(0)) { $0 + row[$1] * (x[$1] * m[$1] + 1) }
      }
      let row = weights[scores[0] > scores[1] ? 0 : 1]
      #expect(try map("gradient", line + 1) == (0..<3).map { row[$0] * m[$0] })
      let products = (0..<3).map { row[$0] * m[$0] * x[$0] }
      #expect(try map("input-x-gradient", line + 1) == products)
      #expect(
        zip(try map("ig-4", line + 1), products).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    let text = try succeeds(["summary", output]).output
    #expect(text.contains(try Regex("input '\(other)' 3 rows [0-9a-f]{12}, ")))
    #expect(text.contains(#/input 's' [0-9a-f]{12}, /#))
  }

  /// Masks of the same numbers are the same, whatever they are kept in.
  @Test func masksOfOtherTypes() throws {
    let mask = try Tensor(npy: bytes(of: Self.golden + "/tokens-mask.npy"))
    func summary(_ mask: String) throws -> String {
      let output = scratch.path + "/\(UUID().uuidString).sqlite"
      try succeeds([
        "evaluate", Self.golden + "/tokens-given.onnx", "--data", Self.golden + "/tokens.npy",
        "--input", "mask=" + mask, "--layer", "embedded", "--methods", "ig:4", "--metrics",
        "kpm,gini,completeness", "--output", output, "--quiet",
      ])
      let text = try succeeds(["summary", output]).output
      return text.replacing(#/input 'mask'[^,]*, /#, with: "")
    }
    let whole = try summary(Self.golden + "/tokens-mask.npy")
    for type in [ElementType.bool, .int32, .uint8] {
      let path = try scratch.write("\(type).npy", mask.converted(to: type).npyData())
      #expect(try summary(path) == whole, "\(type)")
    }
    let lines = mask.elements(as: Int64.self).map(String.init)
    let text = (0..<24).map { lines[(12 * $0)..<(12 * $0 + 12)].joined(separator: " ") }
    #expect(try summary(scratch.write("m.txt", text.joined(separator: "\n"))) == whole)
    // One row for all: as a row, and as a sample.
    let row = try scratch.write(
      "row.npy", Tensor(repeating: 1.0, shape: [1, 12]).converted(to: .int64).npyData())
    let sample = try scratch.write(
      "sample.npy", Tensor(repeating: 1.0, shape: [12]).converted(to: .int64).npyData())
    #expect(try summary(row) == summary(sample))
    #expect(try summary(row) != whole)
  }

  /// Masks of the same bytes that stand for other numbers are another evaluation.
  @Test func masksOfTheSameBytes() throws {
    let mask = try Tensor(npy: bytes(of: Self.golden + "/tokens-mask.npy")).converted(to: .int8)
    let signs = Tensor(
      mask.elements(as: Int8.self).map { $0 == 0 ? -1 : 1 as Int8 }, shape: mask.shape)
    var arguments = [
      "evaluate", Self.golden + "/tokens-given.onnx", "--data", Self.golden + "/tokens.npy",
      "--layer", "embedded", "--methods", "gradient", "--metrics", "gini", "--output", output,
      "--quiet", "--input",
    ]
    arguments.append("mask=" + (try scratch.write("m.npy", signs.npyData())))
    try succeeds(arguments)
    try scratch.write("m.npy", signs.converted(to: .uint8).npyData())
    try fails(arguments, code: 64, saying: ["of another evaluation: models[0].inputs.mask"])
  }

  @Test func inputsThatDoNotFit() throws {
    let model = Self.golden + "/tokens-given.onnx"
    let mask = Self.golden + "/tokens-mask.npy"
    func refuses(
      _ inputs: [String], code: Int32 = 65, _ parts: String...,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try fails(
        [
          "evaluate", model, "--data", Self.golden + "/tokens.npy", "--layer", "embedded",
          "--output", output,
        ] + inputs.flatMap { ["--input", $0] }, code: code, saying: parts,
        sourceLocation: sourceLocation)
    }
    try refuses([], code: 64, "needs further ones; give --input mask=FILE")
    try refuses(["mask"], code: 64, "'mask' is no NAME=FILE")
    try refuses(["mask=\(mask)", "mask=\(mask)"], code: 64, "names 'mask' twice")
    try refuses(["msk=\(mask)"], code: 64, "'msk'", "did you mean 'mask'?")
    try refuses(["mask=\(mask)", "ids=\(mask)"], code: 64, "leave out the one that --data is for")
    try refuses(["mask=\(scratch.path)/none.npy"], code: 66, "none.npy: there is no such file")
    let rows = try Tensor(npy: bytes(of: mask))
    func file(_ name: String, _ tensor: Tensor) throws -> String {
      "mask=" + (try scratch.write(name, tensor.npyData()))
    }
    try refuses(
      [try file("seven.npy", rows.rows(0..<7))],
      "seven.npy: it holds 7 rows for input 'mask', the data set 24 samples")
    try refuses(
      [try file("floats.npy", rows.converted(to: .float32))], "floats.npy: input 'mask' takes",
      "not 24x12 float32")
    try refuses(
      [try file("short.npy", rows.reshaped(to: [32, 9]).rows(0..<24))], "short.npy", "takes")
    let lines = Array(repeating: "1 1 1 1 1 1 1 1 1 1 1 1", count: 23)
    for (line, reason) in [
      ("1 1", "line-000024: it has 2 numbers"), ("a", "line-000024: 'a' is no number"),
      ("1 1 1 1 1 1 1 1 1 1 1 1.5", "1.5 is none of the int64 numbers"),
    ] {
      let path = try scratch.write("m.txt", (lines + [line]).joined(separator: "\n"))
      try refuses(["mask=" + path], "m.txt: ", reason)
    }
    // What counts no samples is given as it is.
    let data = try scratch.write("x.txt", "3 1 2\n1 2 -1\n5 5 5\n")
    let long = try scratch.write("s.npy", Tensor([1, 1, 1, 1] as [Float]).npyData())
    try fails(
      [
        "evaluate", try gated(), "--data", data, "--input", "m=\(data)", "--input", "s=\(long)",
        "--output", output,
      ], code: 65, saying: ["s.npy: input 's' takes 3 float32, not 4 float32"])
  }

  /// A row that holds no numbers, or too large ones, fails its sample; one for all is refused.
  @Test(arguments: [(Double.nan, "NaN"), (1e300, "1e+300, which is beyond float32")])
  func numbersThatAreNone(number: Double, words: String) throws {
    let data = try scratch.write("x.txt", "3 1 2\n1 2 -1\n5 5 5\n")
    let shift = try scratch.write("s.npy", Tensor([1, 1, 1] as [Float]).npyData())
    for place in [0, 4] {
      var gates = [1, 0, 2, 1, 1, 1, -1, 1, 0.5]
      gates[place] = number
      let rows = Tensor(gates, shape: [3, 3])
      try scratch.write("m.npy", rows.npyData())
      let output = scratch.path + "/\(place).sqlite"
      let arguments = [
        "evaluate", try gated(), "--data", data, "--input", "m=\(scratch.path)/m.npy", "--input",
        "s=\(shift)", "--methods", "gradient", "--metrics", "gini", "--output",
      ]
      try succeeds(arguments + [output, "--quiet"])
      let text = try succeeds(["summary", output]).output
      #expect(text.contains("3 of 3 samples, 1 failed"))
      let row = "line-00000\(place / 3 + 1): its row of input 'm': row-00000\(place / 3): it holds "
      #expect(text.contains(row + words), "\(text)")
      try scratch.write("m.npy", rows.rows(place / 3..<(place / 3 + 1)).npyData())
      try fails(
        arguments + [scratch.path + "/one.sqlite"], code: 65,
        saying: ["m.npy", "it holds " + words])
    }
    try scratch.write("m.npy", Tensor([1, 0, 2], shape: [1, 3]).npyData())
    try scratch.write("s.npy", Tensor([number, 1, 1]).npyData())
    try fails(
      [
        "evaluate", try gated(), "--data", data, "--input", "m=\(scratch.path)/m.npy", "--input",
        "s=\(shift)", "--output", output,
      ], code: 65, saying: ["s.npy: it holds " + words])
  }

  /// Integers and Booleans become floating-point numbers and Booleans that are the same, no others.
  @Test func integersForOtherTypes() throws {
    let data = try scratch.write("x.txt", "3 1 2\n1 2 -1\n5 5 5\n")
    let shift = try scratch.write("s.npy", Tensor([1, 1, 1] as [Float]).npyData())
    func arguments(_ gates: Tensor) throws -> [String] {
      [
        "evaluate", try gated(), "--data", data, "--input",
        "m=" + (try scratch.write("m.npy", gates.npyData())), "--input", "s=\(shift)", "--methods",
        "gradient", "--metrics", "gini", "--output", scratch.path + "/\(UUID().uuidString).sqlite",
        "--quiet", "--save-maps", scratch.path + "/" + "\(gates.elementType)",
      ]
    }
    let gates = Tensor([1, 0, 1, 0, 1, 1, 1, 1, 0] as [Int64], shape: [3, 3])
    for type in [ElementType.float32, .int64, .uint64, .bool] {
      try succeeds(arguments(gates.converted(to: type)))
      for line in 1...3 {
        let map = "/gated/gradient/line-00000\(line).npy"
        #expect(
          try bytes(of: scratch.path + "/\(type)" + map)
            == bytes(of: scratch.path + "/float32" + map))
      }
    }
    for (number, words) in [
      (Int64(1 << 24 + 1), "16777217"), (.max, "9223372036854775807"),
    ] {
      try fails(
        arguments(Tensor([number, 0, 1], shape: [1, 3])), code: 65,
        saying: ["m.npy", "\(words) is none of the float32 numbers that input 'm' takes"])
    }
  }

  /// A number alone is one sample's where the input has one for each; Booleans are 0 and 1.
  @Test func inputsOfOneNumber() throws {
    var model = TinyModel.linear()
    model.nodes[0].inputs[0] = "back"
    model.nodes.insert(
      contentsOf: [
        TinyModel.Node(
          type: "Cast", inputs: ["n"], outputs: ["f"], name: "cast", attributes: [("to", .int(1))]),
        TinyModel.Node(type: "Transpose", inputs: ["x"], outputs: ["turned"], name: "turn"),
        TinyModel.Node(type: "Mul", inputs: ["turned", "f"], outputs: ["both"], name: "times"),
        TinyModel.Node(type: "Transpose", inputs: ["both"], outputs: ["back"], name: "return"),
      ], at: 0)
    model.inputs.append(TinyModel.Port(name: "n", dimensions: [TinyModel.batch], type: 9))
    let path = try scratch.write("n.onnx", model.bytes)
    let data = try scratch.write("x.txt", "3 1 2\n1 2 3\n")
    func arguments(_ file: String) -> [String] {
      [
        "evaluate", path, "--data", data, "--input", "n=\(file)", "--methods", "gradient",
        "--metrics", "gini", "--output", scratch.path + "/\(UUID().uuidString).sqlite", "--quiet",
      ]
    }
    for shape in [[], [1], [2]] as [Shape] {
      let ones = Tensor(repeating: Int64(1), shape: shape)
      try succeeds(arguments(scratch.write("n.npy", ones.npyData())))
    }
    let words = "input 'n' takes Booleans, 0 or 1, not 2"
    try fails(
      arguments(scratch.write("n.npy", Tensor(scalar: Int64(2)).npyData())), code: 65,
      saying: ["n.npy: " + words])
    try fails(arguments(scratch.write("n.txt", "1\n2\n")), code: 65, saying: ["n.txt", words])
  }

  /// What does not go together is named by input and file.
  @Test func lengthsThatDoNotGoTogether() throws {
    var model = TinyModel.linear()
    model.nodes[0].inputs[0] = "gated"
    model.nodes.insert(
      TinyModel.Node(type: "Mul", inputs: ["x", "m"], outputs: ["gated"], name: "gate"), at: 0)
    model.inputs.append(TinyModel.Port(name: "m", dimensions: [TinyModel.batch, TinyModel.batch]))
    let data = try scratch.write("x.txt", "3 1 2\n1 2 3\n")
    let gates = try scratch.write("m.txt", "1 2\n3 4\n")
    try fails(
      [
        "evaluate", try scratch.write("m.onnx", model.bytes), "--data", data, "--input",
        "m=\(gates)", "--output", output,
      ], code: 65,
      saying: [
        "node 'gate'", "'x' 1x3 float32 of --data, 'm' 1x2 float32 of \(gates)",
      ])
  }

  /// Numbers that an input of fewer bits cannot hold are refused, not cut off.
  @Test func integersThatDoNotFit() throws {
    var model = TinyModel.linear()
    model.nodes[0].inputs[0] = "both"
    model.nodes.insert(
      contentsOf: [
        TinyModel.Node(
          type: "Cast", inputs: ["n"], outputs: ["f"], name: "cast", attributes: [("to", .int(1))]),
        TinyModel.Node(type: "Add", inputs: ["x", "f"], outputs: ["both"], name: "add"),
      ], at: 0)
    model.inputs.append(TinyModel.Port(name: "n", dimensions: [TinyModel.batch, 3], type: 6))
    let path = try scratch.write("n.onnx", model.bytes)
    let data = try scratch.write("x.txt", "3 1 2\n")
    for (number, code) in [(Int64(7), Int32(0)), (1 << 32, 65)] {
      let file = try scratch.write("n.npy", Tensor([0, number, 0], shape: [1, 3]).npyData())
      let arguments = [
        "evaluate", path, "--data", data, "--input", "n=\(file)", "--methods", "gradient",
        "--metrics", "gini", "--output", output, "--quiet",
      ]
      if code == 0 {
        try succeeds(arguments)
      } else {
        try fails(
          arguments, code: code,
          saying: ["n.npy", "4294967296 is none of the int32 numbers that input 'n' takes"])
      }
    }
  }

  /// A row that a node refuses fails its sample, whichever samples run beside it.
  @Test func rowsThatNodesRefuse() throws {
    var model = TinyModel.linear()
    model.nodes[0].inputs[0] = "both"
    model.nodes.insert(
      contentsOf: [
        TinyModel.Node(type: "Gather", inputs: ["e", "n"], outputs: ["row"], name: "look-up"),
        TinyModel.Node(type: "Add", inputs: ["x", "row"], outputs: ["both"], name: "add"),
      ], at: 0)
    model.initializers.append(
      TinyModel.Initializer(name: "e", dimensions: [2, 3], values: [1, 2, 3, 4, 5, 6]))
    model.inputs.append(TinyModel.Port(name: "n", dimensions: [TinyModel.batch], type: 7))
    let data = try scratch.write("x.txt", "3 1 2\n1 2 -1\n5 5 5\n0 1 0\n")
    let path = try scratch.write("embedded.onnx", model.bytes)
    func summary(_ rows: String) throws -> String {
      let output = scratch.path + "/\(UUID().uuidString).sqlite"
      try succeeds([
        "evaluate", path, "--data", data, "--input", "n=\(try scratch.write("n.txt", rows))",
        "--methods", "gradient,ig:4", "--metrics", "gini", "--output", output, "--quiet",
      ])
      return try succeeds(["summary", output]).output
    }
    let text = try summary("0\n9\n1\n0\n")
    #expect(text.contains("4 of 4 samples, 1 failed"))
    #expect(
      text.contains("line-000002: node 'look-up' (Gather, opset 13): index 9 is out of range"))
    #expect(try summary("0\n1\n1\n0\n").contains("4 of 4 samples, 0 failed"))
  }
}
