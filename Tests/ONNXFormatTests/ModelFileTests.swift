import CONNX
import Foundation
import Graphs
import ONNXFormat
import Tensors
import TestSupport
import Testing

struct ModelFileTests {
  private func refusal(_ path: String) throws -> ModelFileError {
    do throws(ModelFileError) {
      _ = try ModelFile(contentsOf: path)
    } catch {
      return error
    }
    throw Unexpected("\(path) was opened")
  }

  @Test func readsAModel() throws {
    let scratch = try Scratch()
    let path = try scratch.write("model.onnx", Array(smallModel().joined()))
    let file = try ModelFile(contentsOf: path)
    #expect(file.path == path)
    #expect(file.droppedFieldCount == 0)
    try file.withModel { model in
      #expect(model.pointee.ir_version == 7)
      #expect(Field.string(model.pointee.producer_name) == "tests")
      let graph = try #require(model.pointee.graph)
      let node = try #require(Field.messages(graph.pointee.node, graph.pointee.n_node).first)
      #expect(Field.string(node.pointee.op_type) == "Add")
      #expect(Field.strings(node.pointee.input, node.pointee.n_input) == ["x", "w"])
      #expect(node.pointee.domain == nil)
    }
  }

  @Test func tensorsOutliveTheModel() throws {
    let values = (0..<1000).map { Float($0) }
    let proto = tensorProto("w", [1000], type: 1, Wire.bytes(9, floatBytes(values)))
    let scratch = try Scratch()
    let path = try scratch.write(
      "model.onnx", Array(additionModel(proto, dimensions: [1000]).joined()))
    let tensor = try {
      let file = try ModelFile(contentsOf: path)
      return try file.withModel { model in
        let graph = try #require(model.pointee.graph)
        let tensors = Field.messages(graph.pointee.initializer, graph.pointee.n_initializer)
        return try file.tensor(try #require(tensors.first))
      }
    }()
    #expect(tensor.elements(as: Float.self) == values)
  }

  @Test func filesThatCannotBeRead() throws {
    let scratch = try Scratch()
    let missing = try refusal(scratch.path + "/missing.onnx")
    #expect(missing.reason == .unreadable(.missing))
    #expect(missing.description == "\(scratch.path)/missing.onnx: there is no such file")
    #expect(ModelError(missing).kind == .noInput)
    #expect(ModelError(missing).description == missing.description)
    #expect(try refusal(scratch.path).reason == .unreadable(.directory))
    #expect(try refusal("/dev/null").reason == .unreadable(.irregular))
    let pipe = scratch.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(try refusal(pipe).reason == .unreadable(.irregular))
    let empty = try refusal(scratch.write("empty.onnx", []))
    #expect(empty.reason == .unreadable(.empty))
    #expect(ModelError(empty).kind == .badData)
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything"))
  func filesThatMayNotBeRead() throws {
    let scratch = try Scratch()
    let path = try scratch.write("secret.onnx", [1])
    #expect(chmod(path, 0) == 0)
    #expect(try refusal(path).reason == .unreadable(.denied))
  }

  @Test func filesThatAreNoModels() throws {
    let scratch = try Scratch()
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    #expect(
      try refusal(scratch.write("pointer.onnx", Array(pointer.utf8))).reason == .largeFilePointer)
    let page = "<!DOCTYPE html><html><body>404</body></html>"
    let refused = try refusal(scratch.write("page.onnx", Array(page.utf8)))
    #expect(refused.detail.hasPrefix("not a valid ONNX file: byte 0 (ModelProto): "))
    #expect(ModelError(refused).kind == .badData)
    #expect(try refusal(scratch.write("bare.onnx", Wire.number(1, 7))).reason == .noGraph)
  }

  @Test func tensorFiles() throws {
    let scratch = try Scratch()
    let broken = try scratch.write("t.pb", tensorProto("t", [-1], type: 1, []))
    do throws(ModelFileError) {
      _ = try TensorFile(contentsOf: broken)
      Issue.record("a negative dimension was accepted")
    } catch {
      #expect(error.description == "\(broken): tensor 't' has the negative dimension -1")
    }
  }

  /// `proto/onnx.proto` and the C that was made of it belong together.
  @Test(.enabled(if: hasCompiler, "protoc-c is not installed"))
  func generatedDecoderIsUpToDate() throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let check = Process()
    check.executableURL = root.appending(path: "Scripts/protos.sh")
    check.arguments = ["--check"]
    try check.run()
    check.waitUntilExit()
    #expect(check.terminationStatus == 0)
  }

  private static let hasCompiler = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/protoc-c")
    }
}
