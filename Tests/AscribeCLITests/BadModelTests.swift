import Foundation
import ONNXFormat
import Tensors
import TestSupport
import Testing

/// Model files that cannot be used, through every command that reads one.
struct BadModelTests {
  /// Expects every command to refuse the model with one line that names the file.
  private func isRefused(
    _ model: String, code: Int32 = 65, saying parts: [String] = [], scratch: Scratch,
    inspectable: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let input = try scratch.write(
      "x.npy", Tensor([Float](repeating: 1, count: 3), shape: [1, 3]).npyData())
    let output = scratch.path + "/out"
    let name = URL(filePath: model).lastPathComponent
    if !inspectable {
      try fails(
        ["inspect", model], code: code, saying: [name] + parts, sourceLocation: sourceLocation)
    }
    try fails(
      ["run", model, input, "--output", output], code: code, saying: [name] + parts,
      sourceLocation: sourceLocation)
    try fails(
      ["attribute", model, input, "--output", output], code: code, saying: [name] + parts,
      sourceLocation: sourceLocation)
    try fails(
      ["strip-biases", model, "--output", output + ".onnx"], code: code, saying: [name] + parts,
      sourceLocation: sourceLocation)
    #expect(scratch.names(in: "out").isEmpty, sourceLocation: sourceLocation)
    #expect(!scratch.names().contains("out.onnx"), sourceLocation: sourceLocation)
  }

  private func isRefused(
    _ model: TinyModel, code: Int32 = 65, saying parts: [String], inspectable: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let scratch = try Scratch()
    try isRefused(
      try scratch.write("model.onnx", model.bytes), code: code, saying: parts, scratch: scratch,
      inspectable: inspectable, sourceLocation: sourceLocation)
  }

  @Test func missing() throws {
    let scratch = try Scratch()
    try isRefused(
      scratch.path + "/none.onnx", code: 66, saying: ["no such file"], scratch: scratch)
  }

  @Test func aFolder() throws {
    let scratch = try Scratch()
    try isRefused(scratch.path, code: 66, saying: ["folder"], scratch: scratch)
  }

  @Test func empty() throws {
    let scratch = try Scratch()
    try isRefused(try scratch.write("model.onnx", [UInt8]()), saying: ["empty"], scratch: scratch)
  }

  @Test(arguments: [0.00001, 0.0005, 0.002, 0.1, 0.5, 0.99, 0.9995, 0.99999])
  func truncated(share: Double) throws {
    let scratch = try Scratch()
    let whole = try bytes(of: Program.shapes)
    let part = Array(whole.prefix(Int(share * Double(whole.count))))
    try isRefused(try scratch.write("model.onnx", part), scratch: scratch)
  }

  @Test func truncatedBeforeTheLastField() throws {
    let scratch = try Scratch()
    // What is left is sound protobuf, but says no opset: one entry of a version below 128.
    let part = Array(TinyModel.elementwise().bytes.dropLast(6))
    try isRefused(
      try scratch.write("model.onnx", part), saying: ["opset"], scratch: scratch)
  }

  @Test(arguments: [1, 16, 1000, 100_000])
  func random(count: Int) throws {
    let scratch = try Scratch()
    var generator = Random(state: UInt64(count))
    let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    try isRefused(try scratch.write("model.onnx", noise), scratch: scratch)
  }

  @Test func aText() throws {
    let scratch = try Scratch()
    try isRefused(
      try scratch.write("model.onnx", "import torch\nprint('hello')\n"), scratch: scratch)
  }

  /// Graphs in attributes of nodes of graphs (fields 6, 5 and 1), and sequences of sequences in a
  /// type (fields 4 and 1).
  @Test(arguments: [[1, 5, 6], [11, 2, 4, 1]], [70, 5000, 100_000])
  func tooDeep(path: [Int], depth: Int) throws {
    let scratch = try Scratch()
    var lengths = [0]
    var tags: [[UInt8]] = []
    for level in (0..<depth).reversed() {
      var head = WireWriter()
      head.write(path[level % path.count], "")
      let tag = Array(head.bytes.dropLast())
      tags.append(tag + varint(lengths[lengths.count - 1]))
      lengths.append(lengths[lengths.count - 1] + (tags.last?.count ?? 0))
    }
    let nested = Array(tags.reversed().joined())
    let file = Self.start + Self.field(7, nested)
    try isRefused(
      try scratch.write("model.onnx", file), saying: path == [1, 5, 6] ? ["deep"] : [],
      scratch: scratch)
  }

  /// IR version 8 and opset 13.
  private static let start: [UInt8] = {
    var writer = WireWriter()
    writer.write(1, 8)
    writer.write(8) { $0.write(2, 13) }
    return writer.bytes
  }()

  private static func field(_ number: Int, _ contents: [UInt8]) -> [UInt8] {
    var writer = WireWriter()
    writer.write(number, elementsOf: Tensor(contents))
    return writer.bytes
  }

  private func varint(_ number: Int) -> [UInt8] {
    number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
  }

  /// Sparse files of 3 GiB: zeros alone, and zeros behind a sound model.
  @Test(arguments: [[], TinyModel.elementwise().bytes])
  func oversized(start: [UInt8]) throws {
    let scratch = try Scratch()
    let path = try scratch.write("model.onnx", start)
    #expect(truncate(path, 3 << 30) == 0)
    try isRefused(path, scratch: scratch)
  }

  @Test func negativeDimensionOfAnInitializer() throws {
    try isRefused(
      .addition(.init(name: "w", dimensions: [-2, 3], values: [1, 2, 3, 4, 5, 6])),
      saying: ["'w'"])
  }

  @Test func overflowingDimensionsOfAnInitializer() throws {
    for extents: [Int64] in [
      [1 << 62, 4], [1 << 32, 1 << 32], [.max, 1], [.max, .max, 2], [1 << 61, 1],
    ] {
      try isRefused(
        .addition(.init(name: "w", dimensions: extents, values: [1, 2, 3, 4, 5, 6])),
        saying: ["'w'"])
    }
  }

  @Test func dimensionsThatDoNotMatchTheData() throws {
    for extents: [Int64] in [[2, 2], [3, 3], [6, 1, 2], []] {
      try isRefused(
        .addition(.init(name: "w", dimensions: extents, values: [1, 2, 3, 4, 5, 6])),
        saying: ["'w'"])
    }
  }

  @Test func dimensionsOfAnInputThatCannotBe() throws {
    for extents: [Int64] in [[-3, 3], [1, .min], [1 << 62, 4], [.max, .max]] {
      try isRefused(.elementwise(dimensions: extents), saying: ["'x'"])
    }
  }

  @Test func shapesThatDoNotFitEachOther() throws {
    var model = TinyModel.addition(
      .init(name: "w", dimensions: [2, 2], values: [1, 2, 3, 4]))
    model.inputs[0].dimensions = [TinyModel.batch, 3]
    model.outputs[0].dimensions = [TinyModel.batch, 3]
    try isRefused(model, saying: ["node 'sum' (Add, opset 13)", "2x2"], inspectable: true)
  }

  @Test func unknownElementType() throws {
    var initializer = TinyModel.Initializer(name: "w", dimensions: [2, 3])
    initializer.values = [1, 2, 3, 4, 5, 6]
    for type in [0, 8, 14, 99] {
      initializer.type = type
      try isRefused(.addition(initializer), saying: ["'w'"])
    }
  }

  @Test func externalFileIsMissing() throws {
    let model = TinyModel.addition(
      .init(name: "w", dimensions: [2, 3], external: [("location", "weights.bin")]))
    try isRefused(model, code: 66, saying: ["'w'", "weights.bin", "no such file"])
  }

  @Test func externalFileIsTooShort() throws {
    let scratch = try Scratch()
    try scratch.write("weights.bin", [UInt8](repeating: 0, count: 24))
    for offset in ["4", "24", "18446744073709551615"] {
      let model = TinyModel.addition(
        .init(
          name: "w", dimensions: [2, 3],
          external: [("location", "weights.bin"), ("offset", offset)]
        ))
      try isRefused(
        try scratch.write("model.onnx", model.bytes), saying: ["'w'", "weights.bin"],
        scratch: scratch)
    }
  }

  @Test(arguments: ["../secret.bin", "folder/../../secret.bin", "/etc/passwd", "", "..", "."])
  func externalFileEscapes(location: String) throws {
    let scratch = try Scratch()
    try scratch.write("secret.bin", [UInt8](repeating: 0, count: 24))
    let model = TinyModel.addition(
      .init(name: "w", dimensions: [2, 3], external: [("location", location)]))
    try isRefused(
      try scratch.write("folder/model.onnx", model.bytes), saying: ["'w'"], scratch: scratch)
  }

  @Test func externalFileIsALink() throws {
    let scratch = try Scratch()
    let secret = try scratch.write("secret.bin", [UInt8](repeating: 0, count: 24))
    let model = TinyModel.addition(
      .init(name: "w", dimensions: [2, 3], external: [("location", "weights.bin")]))
    let path = try scratch.write("folder/model.onnx", model.bytes)
    let link = scratch.path + "/folder/weights.bin"
    #expect(symlink(secret, link) == 0)
    try isRefused(path, saying: ["'w'", "symbolic link"], scratch: scratch)
    #expect(unlink(link) == 0)
    #expect(Glibc.link(secret, link) == 0)
    try isRefused(path, saying: ["'w'", "hard link"], scratch: scratch)
  }

  @Test func externalFolderIsALink() throws {
    let scratch = try Scratch()
    try scratch.write("elsewhere/weights.bin", [UInt8](repeating: 0, count: 24))
    let model = TinyModel.addition(
      .init(name: "w", dimensions: [2, 3], external: [("location", "data/weights.bin")]))
    let path = try scratch.write("folder/model.onnx", model.bytes)
    #expect(symlink(scratch.path + "/elsewhere", scratch.path + "/folder/data") == 0)
    try isRefused(path, saying: ["'w'", "symbolic link"], scratch: scratch)
  }

  @Test func unknownOperator() throws {
    try isRefused(
      .elementwise("Frobnicate"), saying: ["node 'only' (Frobnicate, opset 13)"],
      inspectable: true)
  }

  @Test func unknownOperatorIsListedByInspect() throws {
    let scratch = try Scratch()
    let path = try scratch.write("model.onnx", TinyModel.elementwise("Frobnicate").bytes)
    let summary = try #require(
      try succeeds(["inspect", path, "--json"]).json() as? [String: Any])
    let nodes = try #require(summary["unsupported"] as? [[String: Any]])
    #expect(nodes.count == 1)
    #expect(Set(nodes[0].keys) == ["node", "operator", "opset", "reason"])
    #expect(nodes[0]["operator"] as? String == "Frobnicate")
    #expect(nodes[0]["opset"] as? Int == 13)
    #expect(try succeeds(["inspect", path]).output.contains("Frobnicate"))
  }

  @Test func unknownDomain() throws {
    var model = TinyModel.elementwise()
    model.nodes[0].domain = "com.example"
    try isRefused(model, saying: ["com.example"], inspectable: true)
    model.opsets.append(("com.example", 1))
    try isRefused(model, saying: ["com.example"], inspectable: true)
  }

  @Test(arguments: [0, -1, 999, Int(Int32.max), Int.max, Int.min])
  func unknownOpset(version: Int) throws {
    try isRefused(.elementwise(opset: version), saying: ["opset"])
  }

  @Test func opsetGivenTwice() throws {
    var model = TinyModel.elementwise()
    model.opsets = [("", 13), ("", 17)]
    try isRefused(model, saying: ["opset"])
    model.opsets = [("", 13), ("ai.onnx", 17)]
    try isRefused(model, saying: ["opset"])
  }

  @Test(arguments: [0, -1, 9999])
  func unknownFormatVersion(version: Int) throws {
    var model = TinyModel.elementwise()
    model.irVersion = version
    try isRefused(model, saying: ["IR version"])
  }

  @Test func unknownAttribute() throws {
    var model = TinyModel.elementwise()
    model.nodes[0].attributes = [("slope", .float(0.1))]
    try isRefused(model, saying: ["node 'only' (Relu, opset 13)", "slope"], inspectable: true)
  }

  @Test func attributeOfAnotherType() throws {
    var model = TinyModel.linear()
    model.nodes[0].attributes = [("transB", .text("yes"))]
    try isRefused(model, saying: ["node 'fc' (Gemm, opset 13)", "transB"], inspectable: true)
  }

  @Test func attributeGivenTwice() throws {
    var model = TinyModel.linear()
    model.nodes[0].attributes = [("transB", .int(1)), ("transB", .int(0))]
    try isRefused(model, saying: ["node 'fc' (Gemm, opset 13)", "transB", "twice"])
  }

  @Test func cyclicGraph() throws {
    var model = TinyModel.elementwise()
    model.nodes = [
      .init(type: "Add", inputs: ["x", "b"], outputs: ["a"], name: "first"),
      .init(type: "Relu", inputs: ["a"], outputs: ["b"], name: "second"),
      .init(type: "Relu", inputs: ["b"], outputs: ["y"], name: "third"),
    ]
    try isRefused(model, saying: ["first"])
    model.nodes = [.init(type: "Relu", inputs: ["y"], outputs: ["y"], name: "itself")]
    try isRefused(model, saying: ["itself"])
  }

  @Test func valueWithTwoProducers() throws {
    var model = TinyModel.elementwise()
    model.nodes.append(.init(type: "Abs", inputs: ["x"], outputs: ["y"], name: "again"))
    try isRefused(model, saying: ["'y'"])
  }

  @Test func valueWithoutProducer() throws {
    var model = TinyModel.elementwise()
    model.nodes[0].inputs = ["nowhere"]
    try isRefused(model, saying: ["'nowhere'"])
    model = .elementwise()
    model.outputs[0].name = "nowhere"
    try isRefused(model, saying: ["'nowhere'"])
  }

  @Test func wrongCountOfInputs() throws {
    var model = TinyModel.elementwise()
    model.nodes[0].inputs = ["x", "x"]
    try isRefused(model, saying: ["node 'only' (Relu, opset 13)"], inspectable: true)
    model.nodes[0].inputs = []
    try isRefused(model, saying: ["node 'only' (Relu, opset 13)"], inspectable: true)
  }

  @Test func graphWithoutOutput() throws {
    var model = TinyModel.elementwise()
    model.outputs = []
    try isRefused(model, saying: ["output"])
  }

  @Test func namesThatWouldBreakTheLine() throws {
    var model = TinyModel.elementwise("Frob\nnicate\u{1B}[31m")
    model.nodes[0].name = "one\ntwo"
    try isRefused(model, saying: ["opset 13"], inspectable: true)
  }
}
