import Evaluation
public import Foundation
public import Graphs
import Kernels
import ONNXFormat
import Operators
public import Tensors

/// An ONNX model, imported and ready to be run and explained.
///
/// A model is immutable and may be shared between threads. Its weights stay in the mapped file.
public struct Model: Sendable {
  /// The file that the model was read from.
  public let url: URL
  /// The floating-point types that the model computes in.
  public let precision: Precision
  /// The inputs that the caller gives, in the file's order.
  public let inputs: [ModelPort]
  /// The outputs, in the file's order.
  public let outputs: [ModelPort]

  let file: ModelFile
  let graph: Graph

  /// Imports the model in an `.onnx` file, external data beside it included.
  ///
  /// - Throws: `ModelError` if there is no such file, if it is no valid model, or if it uses an
  ///   operator that is not supported; if the processor does not have this precision, or the model
  ///   nothing that it is for.
  public init(contentsOf url: URL, precision: Precision = .declared) throws {
    let graph: Graph
    guard !precision.isNarrow || Workspace.hasBFloat16 else {
      throw ModelError(
        "this processor has no bfloat16 instructions (AVX-512 BF16); leave --precision at float32",
        kind: .usage)
    }
    do throws(ModelError) {
      self.file = try ModelFile(opening: url.relativePath)
      graph = try file.graph(precision: precision)
      guard !precision.isNarrow || graph.hasFloat32Convolution else {
        throw ModelError(
          "\(precision.rawValue) is for convolutions in float32, of which the model has none; leave "
            + "--precision at float32", kind: .usage)
      }
    } catch {
      throw error.inFile(url.relativePath)
    }
    self.graph = graph
    self.url = url
    self.precision = precision
    var declared: [String: String] = [:]
    if precision == .float64, let messages = try? file.messages().graph {
      for port in messages.inputs + messages.outputs { declared[port.name] = port.typeDescription }
    }
    func port(_ value: Value) -> ModelPort {
      ModelPort(value, of: graph, description: declared[graph.name(of: value)])
    }
    self.inputs = graph.inputs.map(port)
    self.outputs = graph.outputs.map(port)
  }

  /// How many scores the first output has for a sample, where the file says so.
  var scoreCount: Int? {
    guard let dimensions = outputs.first?.dimensions?.dropFirst(), !dimensions.isEmpty else {
      return nil
    }
    return dimensions.reduce(1) { count, extent in
      count.flatMap { count in extent.map { count * $0 } }
    }
  }

  /// The model of the same file with another graph of the same inputs and outputs.
  func with(_ graph: Graph) -> Model { Model(self, graph) }

  private init(_ model: Model, _ graph: Graph) {
    self.url = model.url
    self.precision = model.precision
    self.inputs = model.inputs
    self.outputs = model.outputs
    self.file = model.file
    self.graph = graph
  }

  /// The SHA-256 digest of the model file, in hexadecimal.
  public func sha256() -> String { file.sha256() }

  /// The intermediate values that `--layer` may name, with the operator that computes each.
  public var layers: [(name: String, operatorName: String)] {
    graph.nodes.flatMap { node in
      node.outputs.map { (graph.name(of: $0), node.operatorName) }
    }
  }
}

/// An input or output of a model.
public struct ModelPort: Sendable {
  /// The name in the file.
  public let name: String
  /// The type that values are computed in; nil where the file declares none.
  public let elementType: ElementType?
  /// The extents; nil for one that the caller decides. Nil as a whole where the file declares none.
  public let dimensions: [Int?]?
  /// The type as text, as in `batchx3x224x224 float32`; as the file has it.
  public let typeDescription: String

  init(_ value: Value, of graph: Graph, description: String? = nil) {
    let declared = graph.declaredType(of: value)
    self.name = graph.name(of: value)
    self.elementType = declared?.elementType
    self.dimensions = declared?.dimensions?.map { dimension in
      if case .fixed(let extent) = dimension { extent } else { nil }
    }
    self.typeDescription = description ?? declared?.description ?? "unknown type"
  }

  /// Whether the value can be a batch of pictures of 1 or 3 channels, in either layout.
  public var isPicture: Bool { elementType?.isFloatingPoint == true && channelCount != nil }

  /// The channels of a batch of pictures: dimension 1, or the last one where only that fits.
  var channelCount: Int? {
    guard let dimensions, dimensions.count == 4 else { return nil }
    let candidates = [dimensions[1], dimensions[3]].compactMap(\.self)
    return candidates.first { $0 == 3 } ?? candidates.first { $0 == 1 }
  }

  /// Whether a batch of pictures has its channels in the last dimension.
  var hasChannelsLast: Bool {
    guard let channelCount, let dimensions else { return false }
    return dimensions[1] != channelCount
  }

  /// The height and width of pictures, where the model fixes them.
  var pictureSize: Preprocessing.Size? {
    guard channelCount != nil, let dimensions else { return nil }
    let sides = hasChannelsLast ? dimensions[1...2] : dimensions[2...3]
    guard let height = sides.first ?? nil, let width = sides.last ?? nil else { return nil }
    return Preprocessing.Size(width: width, height: height)
  }
}

extension Graph {
  /// Whether there is a convolution with weights in float32, as far as the file says.
  fileprivate var hasFloat32Convolution: Bool {
    nodes.contains { node in
      guard node.operation is Conv, let weights = node.inputs.dropFirst().first ?? nil else {
        return false
      }
      return storedConstant(of: weights).map { $0.elementType == .float32 } ?? true
    }
  }
}
