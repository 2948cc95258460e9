import Foundation
import Graphs
import Kernels
import ONNXFormat
import Rewrites
import Tensors
import Testing

/// A collection of cases in ONNX's backend test data.
enum BackendSet: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case node, simple, light
  case converted = "pytorch-converted"
  case operators = "pytorch-operator"

  var testDescription: String { rawValue }

  /// The data that `Scripts/fetch_onnx_cases.sh` fetches.
  private static let data = packageRoot.appending(path: ".build/onnx/data")

  /// Every case of the set, by name.
  ///
  /// - Throws: `MissingData` where the data has not been fetched.
  func cases() throws -> [BackendCase] {
    let folder = Self.data.appending(path: rawValue)
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path),
      !names.isEmpty
    else { throw MissingData(folder: folder.path) }
    return names.sorted().compactMap { self == .light ? light(folder, $0) : usual(folder, $0) }
  }

  private func usual(_ folder: URL, _ name: String) -> BackendCase? {
    let folder = folder.appending(path: name)
    let model = folder.appending(path: "model.onnx")
    guard FileManager.default.fileExists(atPath: model.path) else { return nil }
    let content = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let dataSets = content.filter { $0.hasPrefix("test_data_set_") }.sorted().map {
      BackendCase.DataSet(
        inputs: numberedFiles(folder.appending(path: $0), "input"),
        outputs: numberedFiles(folder.appending(path: $0), "output"))
    }
    return BackendCase(
      name: "\(rawValue)/\(name)", model: model, dataSets: dataSets,
      tolerance: Tolerance(beside: model))
  }

  /// A light model has its expected outputs beside it and a ramp for input.
  private func light(_ folder: URL, _ name: String) -> BackendCase? {
    guard name.hasSuffix(".onnx") else { return nil }
    let stem = String(name.dropLast(".onnx".count))
    let network = stem.replacing("light_", with: "test_")
    let settings = Self.data.appending(path: "real/\(network)/model.onnx")
    return BackendCase(
      name: "\(rawValue)/\(stem)", model: folder.appending(path: name),
      dataSets: [
        BackendCase.DataSet(inputs: nil, outputs: numberedFiles(folder, "\(stem)_output"))
      ], tolerance: Tolerance(beside: settings))
  }

  private func numberedFiles(_ folder: URL, _ prefix: String) -> [URL] {
    (0...)
      .lazy.map { folder.appending(path: "\(prefix)_\($0).pb") }
      .prefix { FileManager.default.fileExists(atPath: $0.path) }
      .map(\.self)
  }
}

/// The backend test data is not there.
struct MissingData: Error, CustomStringConvertible {
  let folder: String

  var description: String { "\(folder) is missing: run 'make test', which fetches the cases" }
}

/// The folder of Package.swift.
let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A model with inputs and the outputs that every runtime must give.
struct BackendCase: Sendable {
  struct DataSet: Sendable {
    /// Nil stands for a ramp from 0 to 1 of the shape that the model declares.
    let inputs: [URL]?
    let outputs: [URL]
  }

  /// The set and the case, as in `node/test_add`.
  let name: String
  let model: URL
  let dataSets: [DataSet]
  let tolerance: Tolerance

  /// Runs the model on every data set, as the file has it and as rewritten for speed.
  ///
  /// - Throws: why the case does not pass.
  func run() throws {
    guard !dataSets.isEmpty else { throw Mismatch(reason: "there is no data set") }
    let graph = try ModelFile(opening: model.path).graph()
    for dataSet in dataSets {
      let inputs = try dataSet.inputs.map { try read($0, for: graph) } ?? ramps(for: graph)
      let expected = try dataSet.outputs.map { try TensorFile(contentsOf: $0.path).tensor }
      let workspace = Workspace()
      let plain = try graph.specialized(for: inputs, in: workspace).graph
      for graph in [plain, try plain.simplified().fused()] {
        let outputs = try Interpreter(graph, in: workspace).run(inputs)
        guard outputs.count == expected.count else {
          throw Mismatch(reason: "\(outputs.count) outputs, not \(expected.count)")
        }
        for (output, expected) in zip(outputs, expected) {
          try tolerance.require(output, near: expected)
        }
      }
    }
  }

  /// The inputs in the types that the graph computes in, which are wider for 16-bit models.
  private func read(_ files: [URL], for graph: Graph) throws -> [Tensor] {
    try zip(files, graph.inputs).map { file, input in
      let tensor = try TensorFile(contentsOf: file.path).tensor
      guard let type = graph.declaredType(of: input)?.elementType, type.isFloatingPoint,
        tensor.elementType.isFloatingPoint
      else { return tensor }
      return tensor.converted(to: type)
    }
  }

  private func ramps(for graph: Graph) throws -> [Tensor] {
    try graph.inputs.map { input in
      guard let shape = graph.declaredType(of: input)?.shape else {
        throw Mismatch(reason: "the model's input has no fixed shape")
      }
      let count = shape.elementCount
      return Tensor((0..<count).map { Float(Double($0) / Double(count)) }, shape: shape)
    }
  }
}
