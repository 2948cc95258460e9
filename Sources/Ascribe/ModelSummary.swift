import Attribution
public import Foundation
import Graphs
import Kernels
import ONNXFormat
import Rewrites
import Tensors

/// What a model file holds, whether or not all of it is supported: what `inspect` prints.
public struct ModelSummary: Sendable, Codable {
  /// An input or output.
  public struct Port: Sendable, Codable {
    /// The name in the file.
    public let name: String
    /// Element type and extents, as in `batchx3x224x224 float32`.
    public let type: String
  }

  /// A node that cannot be run.
  public struct UnsupportedNode: Sendable, Codable {
    /// The node's name.
    public let node: String
    /// Its operator.
    public let `operator`: String
    /// The opset of its domain.
    public let opset: Int?
    /// Why not.
    public let reason: String

    /// Writes every key, with null for an opset that the file does not give.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(node, forKey: .node)
      try container.encode(self.operator, forKey: .operator)
      try container.encode(opset, forKey: .opset)
      try container.encode(reason, forKey: .reason)
    }
  }

  /// How the first output scales with the inputs.
  public struct Homogeneity: Sendable, Codable {
    /// A node that does not scale.
    public struct Breaker: Sendable, Codable {
      /// The node's name.
      public let node: String
      /// Its operator.
      public let `operator`: String
      /// Why it does not.
      public let reason: String
    }

    /// The k of F(ax) = a^k F(x), where it is proved.
    public let degree: Int?
    /// The nodes that prevent the proof.
    public let breakers: [Breaker]
    /// The output that is judged: the first.
    public let output: String
    /// The final node, such as a Softmax, before which it is judged; nil where there is none.
    public let omittedNode: String?
    /// The other outputs, which are not judged.
    public let otherOutputs: [String]
    /// The shapes of the inputs that it is judged for, where the model has several or leaves more than
    /// the number of samples open; nil where it does not.
    public let judgedFor: String?

    /// Writes every key, with null where no degree is proved.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(degree, forKey: .degree)
      try container.encode(breakers, forKey: .breakers)
      try container.encode(output, forKey: .output)
      try container.encode(omittedNode, forKey: .omittedNode)
      try container.encode(otherOutputs, forKey: .otherOutputs)
      try container.encode(judgedFor, forKey: .judgedFor)
    }
  }

  /// Constants that are added on the way.
  public struct Biases: Sendable, Codable {
    /// How many tensors.
    public let count: Int
    /// How many numbers in them.
    public let elements: Int
  }

  /// The version of the file format.
  public let irVersion: Int
  /// What wrote the file.
  public let producer: String
  /// The version of each domain; the standard domain is `ai.onnx`.
  public let opsets: [String: Int]
  /// The inputs that a caller gives.
  public let inputs: [Port]
  /// The outputs.
  public let outputs: [Port]
  /// How often each operator occurs.
  public let operators: [String: Int]
  /// Numbers in all initializers.
  public let parameters: Int
  /// Bytes of all initializers as stored.
  public let parameterBytes: Int
  /// The nodes that cannot be run; empty for a supported model.
  public let unsupported: [UnsupportedNode]
  /// How the first output, before a final Softmax, scales with the inputs; nil where a node is not
  /// supported.
  public let homogeneity: Homogeneity?
  /// What `strip-biases` would remove; nil where a node is not supported.
  public let biases: Biases?

  /// Writes every key, with null for what is not known.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(irVersion, forKey: .irVersion)
    try container.encode(producer, forKey: .producer)
    try container.encode(opsets, forKey: .opsets)
    try container.encode(inputs, forKey: .inputs)
    try container.encode(outputs, forKey: .outputs)
    try container.encode(operators, forKey: .operators)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(parameterBytes, forKey: .parameterBytes)
    try container.encode(unsupported, forKey: .unsupported)
    try container.encode(homogeneity, forKey: .homogeneity)
    try container.encode(biases, forKey: .biases)
  }
}

extension ModelSummary {
  /// What the file at `url` holds.
  ///
  /// - Throws: `ModelError` if there is no such file or it is no valid model. Operators that are not
  ///   supported are listed, not thrown.
  public init(contentsOf url: URL) throws {
    do throws(ModelError) {
      let (messages, outcome) = try ModelFile(opening: url.relativePath).read()
      try self.init(messages, outcome)
    } catch {
      throw error.inFile(url.relativePath)
    }
  }

  private init(_ model: ModelMessage, _ outcome: Importer.Outcome) throws(ModelError) {
    let initialized = Set(model.graph.initializers.map(\.name))
    let tensors = model.graph.initializers.map(\.tensor)
    irVersion = model.irVersion
    producer = model.producer
    opsets = Dictionary(
      uniqueKeysWithValues: model.opsets.map { ($0.isEmpty ? "ai.onnx" : $0, $1) })
    inputs = model.graph.inputs.filter { !initialized.contains($0.name) }.map(Port.init)
    outputs = model.graph.outputs.map(Port.init)
    operators = Dictionary(model.graph.nodes.map { ($0.operatorName, 1) }, uniquingKeysWith: +)
    parameters = tensors.reduce(0) { $0 + $1.elementCount }
    parameterBytes = tensors.reduce(0) { $0 + $1.byteCount }
    switch outcome {
    case .graph(let graph):
      unsupported = []
      let typed = (try? graph.specializedToDefaults(in: Workspace()).simplified()) ?? graph
      homogeneity = try Homogeneity(typed, of: graph)
      biases = Biases(
        count: typed.biases.count, elements: typed.biases.reduce(0) { $0 + $1.elementCount })
    case .unsupported(let nodes):
      unsupported = nodes.map {
        UnsupportedNode(
          node: $0.node, operator: $0.operatorName, opset: $0.opset, reason: $0.reason)
      }
      homogeneity = nil
      biases = nil
    }
  }
}

extension ModelSummary.Port {
  init(_ value: ValueMessage) {
    self.init(name: value.name, type: value.typeDescription)
  }
}

extension ModelSummary.Homogeneity {
  /// The verdict on a model, found on its graph for certain shapes.
  init(_ graph: Graph, of model: Graph) throws(ModelError) {
    let scores = try graph.scores(in: .logit)
    let report = graph.homogeneity(of: scores.value, in: graph.inputs)
    output = model.outputs.first.map { model.name(of: $0) } ?? ""
    omittedNode = scores.omitted
    otherOutputs = model.outputs.dropFirst().map { model.name(of: $0) }
    let isOpen = model.inputs.contains { input in
      let dimensions = model.declaredType(of: input)?.dimensions ?? []
      return dimensions.dropFirst().contains { if case .symbolic = $0 { true } else { false } }
    }
    let shapes = graph.inputs.compactMap { graph.type(of: $0)?.description }
    let together = shapes.count > 1 ? "all inputs scaled together: " : ""
    judgedFor = isOpen || shapes.count > 1 ? together + shapes.joined(separator: ", ") : nil
    degree = report.degree
    breakers = report.breakers.map {
      Breaker(node: $0.node, operator: $0.operatorName, reason: $0.reason)
    }
  }
}
