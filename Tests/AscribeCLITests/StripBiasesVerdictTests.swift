import Foundation
import Tensors
import TestSupport
import Testing

/// What `strip-biases` takes for a bias, and what it says of models that are not what they seem.
struct StripBiasesVerdictTests {
  private typealias Node = TinyModel.Node

  /// A model from x of 1 x 2 x 4 x 4, and its outputs.
  private func model(
    _ nodes: [Node], constants: [TinyModel.Initializer] = [],
    outputs: [TinyModel.Port] = [.init(name: "y", dimensions: [1, 2, 4, 4])],
    input: [Int64] = [1, 2, 4, 4]
  ) -> TinyModel {
    TinyModel(
      nodes: nodes, initializers: constants, inputs: [.init(name: "x", dimensions: input)],
      outputs: outputs)
  }

  private func number(_ name: String, _ value: Float) -> TinyModel.Initializer {
    .init(name: name, dimensions: [], values: [value])
  }

  private func report(_ model: TinyModel, _ options: String...) throws -> [String: Any] {
    let scratch = try Scratch()
    let path = try scratch.write("model.onnx", model.bytes)
    let outcome = try succeeds(
      ["strip-biases", path, "--output", scratch.path + "/x.onnx", "--json"] + options)
    return try #require(try outcome.json() as? [String: Any])
  }

  private func names(_ report: [String: Any], _ key: String) -> [String] {
    (report[key] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
  }

  private func homogeneity(_ report: [String: Any]) -> [String: Any] {
    report["homogeneity"] as? [String: Any] ?? [:]
  }

  /// Which place is the largest does not change when the input is scaled.
  @Test func indicesDoNotScale() throws {
    let window: [(name: String, value: TinyModel.Attribute)] = [("kernel_shape", .ints([1, 1]))]
    let report = try report(
      model([
        Node(type: "MaxPool", inputs: ["x"], outputs: ["p", "i"], attributes: window),
        Node(type: "Cast", inputs: ["i"], outputs: ["f"], attributes: [("to", .int(1))]),
        Node(type: "Add", inputs: ["p", "f"], outputs: ["y"], name: "sum"),
      ]))
    #expect(homogeneity(report)["degree"] is NSNull)
    let breakers = homogeneity(report)["breakers"] as? [[String: Any]]
    #expect(breakers?.compactMap { $0["node"] as? String } == ["sum"])
  }

  @Test func whatKeepsARootDefinedIsNoBias() throws {
    let report = try report(
      model(
        [
          Node(type: "Mul", inputs: ["x", "x"], outputs: ["s"]),
          Node(type: "Add", inputs: ["s", "eps"], outputs: ["t"]),
          Node(type: "Sqrt", inputs: ["t"], outputs: ["r"]),
          Node(type: "Add", inputs: ["r", "b"], outputs: ["y"]),
        ], constants: [number("eps", 1e-5), number("b", 2)]))
    #expect(names(report, "kept") == ["eps"])
    #expect(names(report, "removed") == ["b"])
  }

  @Test func aHardSwishInPartsIsLeftAlone() throws {
    let nodes = [
      Node(type: "Add", inputs: ["x", "three"], outputs: ["a"]),
      Node(type: "Clip", inputs: ["a", "zero", "six"], outputs: ["c"], name: "gate"),
      Node(type: "Mul", inputs: ["x", "c"], outputs: ["y"]),
    ]
    let report = try report(
      model(nodes, constants: [number("three", 3), number("zero", 0), number("six", 6)]),
      "--replace")
    #expect(names(report, "kept") == ["three"])
    #expect((report["replaced"] as? [Any])?.isEmpty == true)
    #expect(homogeneity(report)["degree"] is NSNull)
  }

  /// Behind a product of matrices too, what varies along several dimensions may be positions.
  @Test func positionsBehindAProductAreInDoubt() throws {
    let report = try report(
      model(
        [
          Node(type: "MatMul", inputs: ["x", "w"], outputs: ["m"]),
          Node(type: "Add", inputs: ["m", "p"], outputs: ["n"]),
          Node(type: "Add", inputs: ["n", "b"], outputs: ["y"]),
        ],
        constants: [
          .init(name: "w", dimensions: [3, 2], values: [1, 2, 3, 4, 5, 6]),
          .init(name: "p", dimensions: [4, 2], values: Array(repeating: 1, count: 8)),
          .init(name: "b", dimensions: [1, 1, 2], values: [1, 1]),
        ], outputs: [.init(name: "y", dimensions: [1, 4, 2])], input: [1, 4, 3]))
    #expect(names(report, "kept") == ["p"])
    #expect(names(report, "removed") == ["b"])
  }

  @Test func theVerdictSaysWhatItJudges() throws {
    let scratch = try Scratch()
    let path = try scratch.write(
      "model.onnx",
      model(
        [
          Node(type: "Relu", inputs: ["x"], outputs: ["h"]),
          Node(type: "Softmax", inputs: ["h"], outputs: ["y"], name: "last"),
          Node(type: "Sigmoid", inputs: ["x"], outputs: ["z"]),
        ],
        outputs: [
          .init(name: "y", dimensions: [1, 2, 4, -9]), .init(name: "z", dimensions: [1, 2, 4, -9]),
        ], input: [1, 2, 4, TinyModel.batch]
      ).bytes)
    let text = try succeeds(["strip-biases", path, "--output", scratch.path + "/x.onnx"]).output
    #expect(text.contains("homogeneous of degree 1"))
    #expect(text.contains("judged before the final 'last'"))
    #expect(text.contains("judged by output 'y', not by 'z'"))
    #expect(text.contains("judged for 1x2x4x224 float32"))
  }

  /// A constant that the file computes has the name that it has there.
  @Test func computedConstantsKeepTheirNames() throws {
    let nodes = [
      Node(type: "Mul", inputs: ["one", "two"], outputs: ["b"]),
      Node(type: "Relu", inputs: ["x"], outputs: ["h"]),
      Node(type: "Add", inputs: ["h", "b"], outputs: ["y"]),
    ]
    let report = try report(model(nodes, constants: [number("one", 1), number("two", 2)]))
    #expect(names(report, "removed") == ["b"])
    #expect(homogeneity(report)["degree"] as? Int == 1)
  }

  /// What cannot be run is refused by name, not converted in part.
  @Test(arguments: ["If", "Loop", "QuantizeLinear", "DequantizeLinear", "LSTM"])
  func unsupportedOperatorsAreRefused(name: String) throws {
    let scratch = try Scratch()
    let path = try scratch.write("model.onnx", TinyModel.elementwise(name).bytes)
    try fails(
      ["strip-biases", path, "--output", scratch.path + "/x.onnx"], code: 65,
      saying: ["model.onnx", name, "not supported"])
    #expect(scratch.names() == ["model.onnx"])
  }

  /// A node without a name is called after its output, as another node may be.
  @Test func nodeNamesAreUnique() throws {
    let scratch = try Scratch()
    let path = try scratch.write(
      "model.onnx",
      model([
        Node(type: "Relu", inputs: ["x"], outputs: ["r"]),
        Node(type: "Abs", inputs: ["r"], outputs: ["y"], name: "r"),
      ]).bytes)
    let output = scratch.path + "/x.onnx"
    try succeeds(["strip-biases", path, "--output", output])
    let nodes = try ModelNames(output).nodes
    #expect(nodes.count == 2 && Set(nodes).count == 2)
  }

  @Test func onlyFilesAreReplaced() throws {
    let scratch = try Scratch()
    let target = try scratch.write("target.onnx", "old")
    let link = scratch.path + "/link.onnx"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    try succeeds(["strip-biases", Program.shapes, "--output", link])
    #expect(try bytes(of: target).count > 1000)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
    let pipe = scratch.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    for path in [pipe, scratch.path, "/dev/null"] {
      try fails(["strip-biases", Program.shapes, "--output", path], code: 73, saying: [path])
    }
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  @Test func samplesThatAreNoNumbersAreSkipped() throws {
    let scratch = try Scratch()
    let sample = [Float](repeating: 1, count: 3)
    try scratch.write("data/0/good.npy", Tensor(sample, shape: [1, 3]).npyData())
    try scratch.write("data/1/good.npy", Tensor([0, 2, 0] as [Float], shape: [3]).npyData())
    try scratch.write("data/1/bad.npy", Tensor([1, .nan, 0] as [Float], shape: [1, 3]).npyData())
    let path = try scratch.write("model.onnx", TinyModel.linear(biases: [1, 2]).bytes)
    let text = try succeeds([
      "strip-biases", path, "--output", scratch.path + "/x.onnx", "--data", scratch.path + "/data",
      "--compare-maps", "0",
    ]).output
    #expect(text.contains("on 2 pictures"))
    #expect(text.contains("bad.npy: it holds NaN"))
    #expect(text.contains("accuracy"))
  }

  /// Classes that are guessed from the order of folders are said to be.
  @Test func classesInSortedOrder() throws {
    let scratch = try Scratch()
    for name in ["cat", "dog"] {
      try scratch.write("data/\(name)/a.npy", Tensor([1, 2, 0] as [Float], shape: [3]).npyData())
    }
    let path = try scratch.write("model.onnx", TinyModel.linear(biases: [1, 2]).bytes)
    let arguments = [
      "strip-biases", path, "--output", scratch.path + "/x.onnx", "--data", scratch.path + "/data",
      "--compare-maps", "0",
    ]
    let note =
      "note: folders are taken for classes in sorted order, 'cat' for 0 and 'dog' for 1; --labels "
      + "names the model's classes\n"
    #expect(try succeeds(arguments).errors.contains(note))
    #expect(try succeeds(arguments + ["--quiet"]).errors.isEmpty)
    let labels = try scratch.write("labels.txt", "dog\ncat\n")
    #expect(try !succeeds(arguments + ["--labels", labels]).errors.contains("sorted order"))
  }
}
