import Attribution
public import Foundation
import Graphs
import ONNXFormat

/// A model that carries its own explanation: one graph of standard ONNX operators from the inputs of the
/// model to its outputs and the attribution of each element of an input.
public struct ExportedModel: Sendable {
  /// What it is and does.
  public let report: ExportReport

  private let original: Model
  private let message: ModelMessage
}

extension Model {
  /// The model with what explains it, ready to be written.
  ///
  /// The file has the inputs and outputs of this model and gives as well: `attribution`, in the shape of
  /// the explained input; `target` and `score`, for each sample which score was explained; and
  /// `completeness_error`, for each sample how far the attributions are from adding up, where the method
  /// says what they should add up to. A name that the model has already gets a number behind it.
  ///
  /// - Throws: `ModelError` if an option makes no sense for this model, if a node has no gradient or
  ///   cannot be written, or if the graph depends on the number of samples in a way that a file cannot
  ///   say.
  public func exported(_ options: ExportOptions = ExportOptions()) throws -> ExportedModel {
    do {
      return try ExportedModel(self, options)
    } catch let error as ModelError {
      throw error.inFile(url.relativePath)
    }
  }
}

extension ExportedModel {
  fileprivate init(_ model: Model, _ options: ExportOptions) throws {
    guard (1...4096).contains(options.chunk) else {
      throw ModelError("the steps that run together must be between 1 and 4096", kind: .usage)
    }
    let plan = try ExportPlan(model, options)
    var message = try model.file.messages()
    let graph = try ExplainedGraph(plan).message(like: message.graph)
    report = ExportReport(plan, graph)
    message.metadata.merge(report.provenance) { $1 }
    message.graph = graph
    message.functions = []
    message.opsets = ["": plan.opset]
    message.irVersion = max(message.irVersion, Self.irVersion(of: plan.opset))
    self.original = model
    self.message = message
  }

  /// Writes the model: a valid ONNX file with the metadata of the original, and a note of how it was
  /// made.
  ///
  /// A model of more than 2 GiB gets a second file, its name with `.data` behind it.
  ///
  /// - Throws: `ModelError` if the file is the original's, cannot be written, or is refused by ONNX's
  ///   checker.
  public func write(to url: URL) throws {
    try original.requireOther(url)
    do throws(ModelError) {
      let encoded = message.encoded(externalName: url.lastPathComponent + ".data")
      try encoded.write(to: url.relativePath, calling: "the exported model")
    } catch {
      throw error.inFile(url.relativePath)
    }
  }

  /// Refuses a file to write to that is the original model.
  public func requireOther(_ url: URL) throws { try original.requireOther(url) }

  /// The oldest version of the file format that has an opset:
  /// <https://onnx.ai/onnx/repo-docs/Versioning.html>.
  private static func irVersion(of opset: Int) -> Int {
    switch opset {
    case ..<19: 8
    case 19...20: 9
    case 21...22: 10
    case 23: 11
    default: 12
    }
  }
}

extension ExportReport {
  init(_ plan: ExportPlan, _ graph: GraphMessage) {
    let path = plan.method.path
    model = plan.model.url.relativePath
    modelSHA256 = plan.model.sha256()
    method = plan.method.name
    steps = path?.steps
    quadrature = path?.rule
    chunk = path.map { _ in plan.chunk }
    baseline = path != nil ? plan.options.baseline.description : nil
    switch plan.options.target {
    case .argmax: target = "argmax"
    case .input: target = "input"
    case .index(let index): target = String(index)
    }
    targetSpace = plan.options.space.description
    omittedNode = plan.omittedNode
    batch = plan.batchName == nil ? plan.rows : nil
    opset = plan.opset
    nodes = graph.nodeCount
    inputs = graph.inputs.map(ModelSummary.Port.init)
    outputs = graph.outputs.map(ModelSummary.Port.init)
  }

  /// What the file notes of how it was made.
  fileprivate var provenance: [String: String] {
    var entries = [
      "ascribe.export": method, "ascribe.version": version, "ascribe.source.sha256": modelSHA256,
      "ascribe.target": target, "ascribe.target.space": targetSpace,
    ]
    entries["ascribe.steps"] = steps.map(String.init)
    entries["ascribe.quadrature"] = quadrature
    entries["ascribe.baseline"] = baseline
    return entries
  }
}

extension GraphMessage {
  /// Nodes, those of subgraphs included.
  fileprivate var nodeCount: Int {
    nodes.reduce(0) { count, node in
      node.attributes.values.reduce(count + 1) { count, attribute in
        if case .graph(let body) = attribute { count + body.nodeCount } else { count }
      }
    }
  }
}
