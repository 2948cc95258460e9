import Attribution
import Graphs
import Kernels
import ONNXFormat
import Rewrites
import Tensors

/// Writes the graph of a model that explains itself: first the model, then the target, then the
/// gradient or the loop of Integrated Gradients, then what adds up.
struct ExplainedGraph {
  let plan: ExportPlan
  private let model = MessageAssembly()
  private(set) var scope: ScopeAssembly
  /// The names of the outputs that explain.
  private(set) var names: ExplanationNames
  /// The names of the model's inputs.
  private let inputs: [String]
  /// The names of the model's outputs.
  private let outputs: [String]
  /// The names that the outputs of the model are written under; nil for one that is an input, or comes
  /// twice.
  private var reserved: [Value: String] = [:]

  /// The names of what an exported model has besides its own inputs and outputs.
  struct ExplanationNames {
    let attribution: String
    let target: String
    let score: String
    let completenessError: String
  }

  init(_ plan: ExportPlan) throws(ModelError) {
    self.plan = plan
    let graph = plan.model.graph
    inputs = graph.inputs.map { graph.name(of: $0) }
    outputs = graph.outputs.map { graph.name(of: $0) }
    for name in inputs + outputs { _ = model.name(name) }
    names = ExplanationNames(
      attribution: model.name("attribution"), target: model.name("target"),
      score: model.name("score"), completenessError: model.name("completeness_error"))
    scope = ScopeAssembly(model)
    if plan.batchName != nil { scope.samples = scope.firstExtent(of: inputs[plan.explained]) }
    let explanation = try explained()
    if plan.method.explainsScores { try addCompleteness(explanation) }
  }

  /// The graph as a message.
  func message(like source: GraphMessage) -> GraphMessage {
    GraphMessage(
      name: source.name, documentation: source.documentation, metadata: source.metadata,
      nodes: scope.nodes, initializers: model.initializers, inputs: inputPorts,
      outputs: outputPorts)
  }

  // MARK: - The model and its target

  /// Appends everything up to the attribution.
  private mutating func explained() throws(ModelError) -> Explained {
    let isPath = plan.method.path != nil
    let graph = plan.graphs.whole.graph
    let own = isPath ? graph.outputs : graph.outputs.dropLast()
    var placement = GraphPlacement(plan.graphs.whole, inputs: named(graph.inputs))
    for (value, name) in zip(own.dropFirst(), outputs)
    where reserved[value] == nil && !graph.inputs.contains(value)
      && graph.storedConstant(of: value) == nil
    {
      reserved[value] = name
    }
    try placement.place(in: &scope, reserved: reserved)
    let scores = try placement.name(of: own[0], in: &scope)
    for (value, name) in zip(own.dropFirst(), outputs) where reserved[value] != name {
      let value = try placement.name(of: value, in: &scope)
      _ = scope.append("Identity", [value], [:], "output", output: name)
    }
    let target = try chosen(from: scores, graph.type(of: own[0]))
    let gradient: String
    if isPath {
      gradient = try integral(seed: target.seed)
    } else {
      if let seed = graph.inputs.last { placement.bind(seed, to: target.seed) }
      try placement.place(in: &scope)
      gradient = try placement.name(of: graph.outputs[graph.outputs.count - 1], in: &scope)
    }
    try addAttribution(gradient)
    return target
  }

  /// The names of the values that are known of a target.
  private struct Explained {
    /// For each row which score is explained.
    let index: String
    /// For each row that score.
    let score: String
    /// 1 for that score, 0 for the others, in the shape of the scores.
    let seed: String
  }

  /// Appends what chooses the target of each row from the scores.
  private mutating func chosen(
    from scores: String, _ type: TensorType?
  ) throws(ModelError) -> Explained {
    guard let type, type.shape.elementCount % max(type.shape.first ?? 1, 1) == 0 else {
      throw ModelError("the scores have no type", kind: .fault)
    }
    let isWhole = plan.batchName == nil && plan.rows == 1
    let rows = plan.batchName == nil ? plan.rows : type.shape.first ?? 1
    let width = type.shape.elementCount / max(rows, 1)
    let matrix = scope.append(
      "Reshape", [scores, model.integers(isWhole ? [1, width] : [-1, width])], [:], "scores")
    let index: String
    switch plan.options.target {
    case .input:
      index = names.target
    case .argmax:
      index = scope.append(
        "ArgMax", [matrix], ["axis": .int(1), "keepdims": .int(0)], "target", output: names.target)
    case .index(let number):
      guard (0..<width).contains(number) else {
        throw ModelError("target \(number) is not one of the model's \(width) scores", kind: .usage)
      }
      let constant = model.integers([number])
      let count = scope.samples ?? model.integers([plan.rows])
      index = scope.append("Expand", [constant, count], [:], "target", output: names.target)
    }
    let depth = model.initializer(Tensor(scalar: Int64(width)), "ascribe/scores")
    let values = model.initializer(
      Tensor([0.0, 1]).converted(to: type.elementType), "ascribe/off and on")
    var seed = scope.append("OneHot", [index, depth, values], ["axis": .int(1)], "seed")
    let extents = plan.graphs.scoreExtents.map { $0.isFixed ? $0.offset : -1 }
    if type.shape.rank != 2 || isWhole {
      seed = scope.append("Reshape", [seed, model.integers(extents)], [:], "seed")
    }
    let column = scope.append("Reshape", [index, model.integers([-1, 1])], [:], "target")
    let picked = scope.append("GatherElements", [matrix, column], ["axis": .int(1)], "score")
    let score = scope.append(
      "Reshape", [picked, model.integers([-1])], [:], "score", output: names.score)
    return Explained(index: index, score: score, seed: seed)
  }

  // MARK: - What explains

  /// Integrated Gradients' sum of gradients, in the shape of the input.
  private mutating func integral(seed: String) throws(ModelError) -> String {
    guard let baseline = plan.baseline else { throw ModelError("no baseline", kind: .fault) }
    let loop = PathLoop(
      plan: plan, input: inputs[plan.explained], difference: try difference(),
      baseline: baseline.tensor.isZeroEverywhere ? nil : baselineName(baseline.tensor), seed: seed,
      others: inputs)
    return try loop.append(to: &scope)
  }

  /// The input less the baseline.
  private mutating func difference() throws(ModelError) -> String {
    let input = inputs[plan.explained]
    guard let baseline = plan.baseline?.tensor, !baseline.isZeroEverywhere else { return input }
    return scope.append("Sub", [input, baselineName(baseline)], [:], "difference")
  }

  private func baselineName(_ baseline: Tensor) -> String {
    model.initializer(baseline, "ascribe/baseline")
  }

  private mutating func addAttribution(_ gradient: String) throws(ModelError) {
    let attribution = names.attribution
    switch plan.method {
    case .gradient:
      _ = scope.append("Identity", [gradient], [:], "attribution", output: attribution)
    case .inputXGradient, .integratedGradients:
      let factor = try difference()
      _ = scope.append("Mul", [factor, gradient], [:], "attribution", output: attribution)
    case .xGradient(let power):
      let input = inputs[plan.explained]
      guard power != 1 else {
        _ = scope.append("Mul", [input, gradient], [:], "attribution", output: attribution)
        return
      }
      let product = scope.append("Mul", [input, gradient], [:], "attribution")
      let type = plan.model.inputs[plan.explained].elementType ?? .float32
      let degree = model.initializer(
        Tensor(scalar: Double(power)).converted(to: type), "ascribe/degree")
      _ = scope.append("Div", [product, degree], [:], "attribution", output: attribution)
    }
  }

  /// Appends how far the attributions of each row are from the difference of its scores.
  private mutating func addCompleteness(_ target: Explained) throws(ModelError) {
    let isWhole = plan.batchName == nil && plan.rows == 1
    let rows = isWhole ? [1, -1] : [0, -1]
    let rank = plan.graphs.inputExtents[plan.explained].count
    let flat =
      rank == 1 && !isWhole
      ? scope.append("Reshape", [names.attribution, model.integers([-1, 1])], [:], "rows")
      : scope.append("Reshape", [names.attribution, model.integers(rows)], [:], "rows")
    let sum = scope.append(
      "ReduceSum", [flat, model.integers([1])], ["keepdims": .int(0)], "sum")
    var expected = target.score
    if let baseline = plan.baseline {
      let start = try baselineScore(baseline.scores, target)
      expected = scope.append("Sub", [target.score, start], [:], "difference")
    }
    _ = scope.append(
      "Sub", [sum, expected], [:], "completeness", output: names.completenessError)
  }

  /// For each row the score of its target at the baseline: a constant unless other inputs of the model
  /// matter.
  private mutating func baselineScore(
    _ scores: [Double], _ target: Explained
  ) throws(ModelError) -> String {
    guard let batched = plan.graphs.scores else {
      let graph = plan.graphs.whole.graph
      let type = graph.type(of: graph.outputs[0])?.elementType ?? .float32
      let constant = model.initializer(
        Tensor(scores).converted(to: type), "ascribe/scores of the baseline")
      return scope.append("Gather", [constant, target.index], ["axis": .int(0)], "score")
    }
    let graph = batched.graph
    var bindings = named(graph.inputs)
    let point = inputs[plan.explained]
    let zero = scope.append("Sub", [point, try difference()], [:], "baseline")
    bindings[graph.inputs[plan.explained]] = zero
    var placement = GraphPlacement(batched, inputs: bindings)
    try placement.place(in: &scope)
    let value = try placement.name(of: graph.outputs[0], in: &scope)
    let width = max(scores.count, 1)
    let matrix = scope.append("Reshape", [value, model.integers([-1, width])], [:], "scores")
    let column = scope.append("Reshape", [target.index, model.integers([-1, 1])], [:], "target")
    let picked = scope.append("GatherElements", [matrix, column], ["axis": .int(1)], "score")
    return scope.append("Reshape", [picked, model.integers([-1])], [:], "score")
  }

  /// The inputs of the model, which are the first ones of every graph.
  private func named(_ values: [Value]) -> [Value: String] {
    Dictionary(uniqueKeysWithValues: zip(values, inputs))
  }
}

extension Tensor {
  /// Whether every element is 0.
  var isZeroEverywhere: Bool {
    converted(to: .float64).elements(as: Double.self).allSatisfy { $0 == 0 }
  }
}
