import Attribution
import Foundation
import Graphs
import Kernels
import ONNXFormat
import Rewrites
import Tensors

/// Everything that an exported model is written from: its graphs for any number of samples, and what
/// the options come to for this model.
struct ExportPlan {
  let model: Model
  let options: ExportOptions
  let opset: Int
  /// The index of the input that is explained.
  let explained: Int
  /// The name of the number of samples where the caller decides it; nil where it is fixed.
  let batchName: String?
  /// Rows of the explained input that count as samples, where their number is fixed: 1 where the whole
  /// input is one sample.
  let rows: Int
  /// The method that is used.
  let method: ExportedMethod
  /// The final node before which scores are read, where one is left out.
  let omittedNode: String?
  /// The shapes of the inputs.
  let shapes: ExportShapes
  /// Steps of a path that run together; 1 for methods without one.
  let chunk: Int
  /// What is written down.
  let graphs: ExportGraphs
  /// What the input is compared with, for one sample, and its scores; nil for methods without.
  let baseline: (tensor: Tensor, scores: [Double])?

  /// The opsets that a file may be asked for, besides the model's own.
  static let opsets = 17...21

  init(_ model: Model, _ options: ExportOptions) throws {
    try model.requireFullPrecision()
    self.model = model
    self.options = options
    opset = try Self.opset(options.opset, of: model.graph)
    guard options.space != .softmax || model.graph.endsInSoftmax else {
      throw ModelError(
        "the model has no final Softmax that a file could read scores behind; leave --target-space "
          + "softmax out", kind: .usage)
    }
    explained = try model.explainedInput(options.input)
    guard explained < model.inputs.count else {
      throw ModelError("the model takes no input", kind: .usage)
    }
    try model.graph.requireExplainable(
      model.graph.inputs[explained], from: try model.graph.scores(in: options.space).value)
    let shapes = try ExportShapes(model, explained: explained, options)
    let workspace = Workspace()
    let function = try shapes.function(
      model, options.space, example: try Self.example(options, model, shapes.sample), in: workspace)
    guard function.hasBatches || shapes.batchName == nil else {
      throw ModelError(
        function.isUndefined
          ? "no score is finite at noise, nor at the baseline if there is one, so that it cannot be found "
            + "out whether samples in one batch change each other's scores; fix their number with --batch 1"
          : "samples in one batch change each other's scores; fix their number with --batch 1",
        kind: .usage)
    }
    batchName = shapes.batchName
    rows = function.hasBatches ? shapes.fixedRows : 1
    omittedNode = function.omittedNode
    let stacks = function.takesAnyBatch && shapes.takesPoints
    let wanted = try ExportedMethod(options, function, stacks: stacks)
    baseline = try Self.baseline(options, wanted, model, function, shapes.sample)
    let chunk = stacks ? wanted.path?.chunk(atMost: options.chunk) ?? 1 : 1
    self.chunk = chunk
    let scores = try model.graph.scores(in: options.space).value
    let selected = model.graph.selecting([scores] + model.graph.outputs)
    let explained = explained, opset = opset
    func written(_ method: ExportedMethod) throws(ModelError) -> ExportGraphs {
      try ExportGraphs(
        selected, explaining: explained, along: method.path.map { ($0, $0.points(chunk)) }, shapes,
        opset: opset, in: workspace)
    }
    do throws(ModelError) {
      (method, self.graphs) = (wanted, try written(wanted))
    } catch {
      guard wanted.path?.isMean ?? false else { throw error }
      guard let other = wanted.withoutMeans else {
        throw error.advising("take gradients at points, as by --quadrature warped:2")
      }
      (method, self.graphs) = (other, try written(other))
    }
    self.shapes = shapes
    guard batchName == nil || graphs.scoreExtents.first == .samples else {
      throw ModelError(
        "the scores have no row for each sample; fix the number of samples with --batch",
        kind: .usage)
    }
  }

  private static func opset(_ wanted: Int?, of graph: Graph) throws(ModelError) -> Int {
    guard let wanted else { return max(opsets.lowerBound, graph.opset) }
    guard wanted >= graph.opset else {
      throw ModelError(
        "the model is of opset \(graph.opset); --opset cannot be older", kind: .usage)
    }
    guard opsets.contains(wanted) || wanted == graph.opset else {
      throw ModelError(
        "--opset must be between \(opsets.lowerBound) and \(opsets.upperBound)", kind: .usage)
    }
    return wanted
  }

  /// The baseline of a file, at which a model is defined that is not for noise.
  private static func example(
    _ options: ExportOptions, _ model: Model, _ sample: (port: ModelPort, shape: Shape)
  ) throws -> Tensor? {
    guard case .file = options.baseline else { return nil }
    let zeros = Tensor(repeating: 0 as Float, shape: sample.shape)
    return try row(of: options, model, zeros, sample.port)
  }

  /// The baseline for an input like this one.
  private static func row(
    of options: ExportOptions, _ model: Model, _ zeros: Tensor, _ port: ModelPort
  ) throws -> Tensor {
    let rule = try options.pictures ?? model.pictureRule(nil)
    let input = ModelInput(
      stem: "", path: port.name, tensor: zeros, picture: nil, preprocessing: nil)
    return try model.baseline(options.baseline, for: input, port: port, rule: rule)(zeros)
  }

  private static func baseline(
    _ options: ExportOptions, _ method: ExportedMethod, _ model: Model, _ function: ModelFunction,
    _ sample: (port: ModelPort, shape: Shape)
  ) throws -> (tensor: Tensor, scores: [Double])? {
    guard method.path != nil else { return nil }
    switch options.baseline {
    case .mean, .blur, .noise, .gaussian:
      throw ModelError(
        "baseline '\(options.baseline)' is made from each input; export takes zero, black, white or "
          + "a file", kind: .usage)
    case .zero, .black, .white, .file: break
    }
    let shape = function.hasBatches ? sample.shape : function.pointShape
    let zeros = Tensor(repeating: 0 as Float, shape: shape).converted(to: function.elementType)
    let row = try row(of: options, model, zeros, sample.port)
    guard row.shape == shape else {
      throw ModelError("the baseline has shape \(row.shape), the input \(shape)", kind: .usage)
    }
    let point = row.reshaped(to: Shape([1] + function.pointShape))
    return (row, try function.scores(at: point)[0])
  }
}

extension Model {
  /// The index of the input to explain: the one of this name, or the first of floating-point numbers.
  fileprivate func explainedInput(_ name: String?) throws(ModelError) -> Int {
    if let name {
      guard let index = inputs.firstIndex(where: { $0.name == name }) else {
        let names = inputs.map(\.name).joined(separator: ", ")
        throw ModelError("the model has no input '\(name)'; it has \(names)", kind: .usage)
      }
      return index
    }
    return explainedInput
  }

  /// Refuses models with 16-bit numbers, which this program computes in float32.
  fileprivate func requireFullPrecision() throws(ModelError) {
    let messages = try file.messages()
    let isNarrow = { (type: ElementType?) in type == .float16 || type == .bfloat16 }
    let ports = messages.graph.inputs + messages.graph.outputs
    let casts = messages.graph.nodes.contains { node in
      guard case .value(let value)? = node.attributes["to"], case .int(let number) = value else {
        return false
      }
      return isNarrow(ElementType(onnx: number))
    }
    guard !casts, !ports.contains(where: { isNarrow($0.type?.elementType) }),
      !messages.graph.initializers.contains(where: { isNarrow($0.tensor.elementType) })
    else {
      throw ModelError("it holds 16-bit floating-point numbers; export takes float32 and float64")
    }
  }
}
