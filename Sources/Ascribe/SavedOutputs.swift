import Foundation
import Graphs
import ONNXFormat
import Tensors

/// A model beside what whoever exported it says that it computes.
public struct SavedOutput: Sendable, Codable {
  /// The folder or file that holds the data, by its name.
  public let source: String
  /// The output of the model.
  public let output: String
  /// The largest difference of an element, beside the largest element that was saved.
  public let error: Double
  /// Whether every element agrees.
  public let agrees: Bool
  /// The element that differs most, in row-major order.
  public let element: Int
  /// That element as it was saved.
  public let saved: Double
  /// That element as it is computed.
  public let computed: Double
}

extension ModelSession {
  /// The relative difference that elements may have from what was saved, as in ONNX's own tests.
  public static let savedTolerance = 1e-3

  /// The model's outputs beside those that were saved with it.
  ///
  /// Looked for are the folders `test_data_set_*` beside the model, which hold `input_K.pb` and
  /// `output_K.pb` for each input and output; and the files `MODEL.input.npy` and `MODEL.output.npy`,
  /// where a model has one of each. An element may be off by 0.001 of itself and 0.0001 of the largest one.
  ///
  /// - Returns: one comparison for each saved output; none where nothing was saved.
  /// - Throws: `ModelError` if a file cannot be read or does not fit the model.
  public func savedOutputs() throws -> [SavedOutput] {
    try SavedData.beside(model).flatMap { data in
      let outputs = try run(data.inputs)
      return try data.outputs.map { index, saved in
        try compare(outputs[index], with: saved, model.outputs[index].name, data)
      }
    }
  }

  private func compare(
    _ computed: Tensor, with saved: Tensor, _ output: String, _ data: SavedData
  ) throws(ModelError) -> SavedOutput {
    guard computed.elementCount == saved.elementCount else {
      throw ModelError(
        "output '\(output)' is \(computed), \(saved) was saved; export model and data together",
        file: data.path)
    }
    let (a, b) = (numbers(computed), numbers(saved))
    let largest = b.filter(\.isFinite).map(abs).max() ?? 0
    var (worst, excess, difference) = (0, -Double.infinity, 0.0)
    for (index, (x, y)) in zip(a, b).enumerated() {
      let isSame = x == y || x.isNaN && y.isNaN
      let distance = isSame ? 0 : (x - y).isFinite ? abs(x - y) : .infinity
      let beyond = distance - Self.savedTolerance * (y.isFinite ? abs(y) : 0)
      if beyond > excess { (worst, excess, difference) = (index, beyond, distance) }
    }
    return SavedOutput(
      source: data.name, output: output,
      error: difference / (largest == 0 ? 1 : largest),
      agrees: excess <= 1e-4 * largest, element: worst, saved: b.isEmpty ? 0 : b[worst],
      computed: a.isEmpty ? 0 : a[worst])
  }

  private func numbers(_ tensor: Tensor) -> [Double] {
    tensor.converted(to: .float64).elements(as: Double.self)
  }
}

/// Inputs and outputs that were saved beside a model.
private struct SavedData {
  /// The name of the folder or file.
  let name: String
  let path: String
  let inputs: [Tensor]
  /// With the index of each.
  let outputs: [(Int, Tensor)]

  /// All that lies beside a model, in the order of names.
  static func beside(_ model: Model) throws -> [SavedData] {
    let folder = model.url.deletingLastPathComponent().path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let folders = names.filter { $0.hasPrefix("test_data_set_") }.sorted {
      $0.localizedStandardCompare($1) == .orderedAscending
    }
    return try folders.map { try SavedData(folder: "\(folder)/\($0)", of: model) }
      + [try pair(of: model)].compactMap(\.self)
  }

  private init(name: String, path: String, inputs: [Tensor], outputs: [(Int, Tensor)]) {
    (self.name, self.path, self.inputs, self.outputs) = (name, path, inputs, outputs)
  }

  private init(folder: String, of model: Model) throws {
    let inputs = try model.inputs.enumerated().map { index, port in
      let path = "\(folder)/input_\(index).pb"
      return try model.exact(try Model.readTensor(path), for: port, path)
    }
    let outputs = try model.outputs.indices.compactMap { index -> (Int, Tensor)? in
      let path = "\(folder)/output_\(index).pb"
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      return (index, try Model.readTensor(path))
    }
    let name = URL(filePath: folder).lastPathComponent
    self.init(name: name, path: folder, inputs: inputs, outputs: outputs)
  }

  /// The files of a model of one input and one output.
  private static func pair(of model: Model) throws -> SavedData? {
    let stem = model.url.deletingPathExtension().path
    let (input, output) = (stem + ".input.npy", stem + ".output.npy")
    guard model.inputs.count == 1, let port = model.inputs.first, !model.outputs.isEmpty,
      FileManager.default.fileExists(atPath: input),
      FileManager.default.fileExists(atPath: output)
    else { return nil }
    return SavedData(
      name: URL(filePath: output).lastPathComponent, path: output,
      inputs: [try model.fitted(try Model.readNPY(input), to: port, input)],
      outputs: [(0, try Model.readNPY(output))])
  }
}

extension Model {
  /// A tensor as it was saved, in the element type of the input.
  fileprivate func exact(
    _ tensor: Tensor, for port: ModelPort, _ path: String
  ) throws(ModelError) -> Tensor {
    let fits =
      port.dimensions.map { dimensions in
        dimensions.count == tensor.shape.rank
          && zip(tensor.shape, dimensions).allSatisfy { $1 == nil || $0 == $1 }
      } ?? true
    guard fits, tensor.elementType.isFloatingPoint == port.elementType?.isFloatingPoint ?? false
    else {
      throw ModelError(
        "input '\(port.name)' takes \(port.typeDescription), not \(tensor)", file: path)
    }
    return tensor.converted(to: port.elementType ?? tensor.elementType)
  }
}
