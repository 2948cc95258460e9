package import Graphs
package import Kernels
import Rewrites
package import Tensors

/// A model as a function of one of its inputs, in batches.
///
/// For each batch size the graph is specialised, simplified, differentiated and fused once, and the
/// interpreter kept. Like a workspace, a function belongs to one thread.
package final class ModelFunction {
  /// The shape of one point, without the batch dimension.
  package internal(set) var pointShape: Shape
  /// The element type of points and gradients: float32 or float64.
  package let elementType: ElementType
  /// Points per evaluation that cost least each.
  package internal(set) var batchSize = 1
  /// Evaluations so far, point by point; rows that only fill up a batch are none.
  package private(set) var passes = Passes()

  /// The node that was left out so that scores are logits, where one was.
  package let omittedNode: String?

  /// Whether the scores are probabilities of the model's own Softmax.
  package var givesProbabilities: Bool { source.graph.areProbabilities(source.scores) }

  /// The model with the scores as its only output.
  private let model: Graph
  /// The whole model as imported, and its value that holds the scores.
  let source: (graph: Graph, scores: Value)
  let explained: Int
  /// Whether the explained input stands for an inner value of the model.
  let explainsLayer: Bool
  /// The dimension of that value that convolutions or poolings made its channels, where some did.
  let writtenChannels: Int?
  private var fixed: [Int: Tensor]
  let precision: Precision
  let workspace: Workspace
  var layout = BatchLayout.whole
  /// A sample as the model takes it, where one is known.
  let example: Tensor?
  /// Points at which the model is defined, as far as that was found out.
  var trial = TrialPoints.noise
  /// Whether no point that was tried has finite scores, so that nothing is known of batches.
  package internal(set) var isUndefined = false
  private let margins: [Margin]
  private var padsBatches = false
  /// Whether a batch of one row is filled up too; it need not be where no batch holds rows of several
  /// samples.
  package var padsSingles = true
  var forwardPlans: [Int: Interpreter] = [:]
  private var knownHomogeneity: HomogeneityReport?
  private var isDependent = false
  private var gradientPlans: [Int: Interpreter] = [:]
  private var seedPlans: [Int: SeedPlan] = [:]
  var ruledPlans: [String: SeedPlan] = [:]
  var layerPlans: [String: Interpreter] = [:]
  var biasTerms: BiasTerms?
  var pathPlans: [PathSummand: PathPlan] = [:]
  var knownStepGradients: [String: StepGradients] = [:]
  /// Why mean gradients are not defined, where that was found out.
  var lackOfMeans: ModelError?
  var knownPrefix: PathPrefix??

  /// A function of one input of `model`, the others held.
  ///
  /// - Parameters:
  ///   - model: a graph as imported, not specialised.
  ///   - explained: the index of the input whose elements get attributions.
  ///   - shape: the shape of one sample with its leading 1; of the whole input if its first dimension
  ///     does not count samples.
  ///   - explainsLayer: whether that input stands for an inner value, at which the model was cut.
  ///   - writtenChannels: the dimension of that value that convolutions or poolings made its channels,
  ///     where some did.
  ///   - fixed: for each other input its tensor, by index, for one sample.
  ///   - margins: differences of scores that stand behind the scores of a point.
  ///   - precision: whether gradients are computed in bfloat16; scores without them never are.
  ///   - batching: how many samples run together.
  ///   - example: a sample, by which batches are found where the model is not defined for noise.
  ///   - memoryLimit: bytes of intermediate values that a batch may take.
  /// - Throws: `ModelError` if the input holds integers or the scores do not depend on it, no output
  ///   has the name that `space` asks for, or an operator refuses its operands.
  package init(
    _ model: Graph, explaining explained: Int, shape: Shape, explainsLayer: Bool = false,
    writtenChannels: Int? = nil,
    fixed: [Int: Tensor] = [:],
    space: TargetSpace = .logit, margins: [Margin] = [], precision: Precision = .declared,
    batching: Batching = .any, example: Tensor? = nil,
    memoryLimit: Int = 512 << 20,
    in workspace: Workspace
  ) throws(ModelError) {
    guard let declared = model.declaredType(of: model.inputs[explained]) else {
      throw ModelError("input \(explained) has no type")
    }
    let model = space == .softmax ? try model.endingInSoftmax() : model
    let scores = try model.scores(in: space)
    try model.requireExplainable(model.inputs[explained], from: scores.value)
    self.model = model.selecting([scores.value])
    self.source = (model, scores.value)
    self.explained = explained
    self.explainsLayer = explainsLayer
    self.writtenChannels = writtenChannels
    self.pointShape = shape
    self.elementType = declared.elementType
    self.fixed = fixed
    self.margins = margins
    self.precision = declared.elementType == .float32 ? precision : .declared
    self.omittedNode = scores.omitted
    self.workspace = workspace
    self.example = example.flatMap { $0.shape == shape ? $0 : nil }
    if batching != .whole { try findBatches(memoryLimit, declared.dimensions) }
    padsBatches = batching == .padded
  }

  /// Inputs beside the explained one that differ from point to point, by their places: batches of one
  /// row.
  package typealias Others = [Int: Tensor]

  /// All scores at each of the points, which are the rows of `points`.
  ///
  /// - Parameter others: what each of the points has in the place of the inputs that are held; nothing
  ///   where none differs.
  package func scores(
    at points: Tensor, beside others: [Others] = []
  ) throws(ModelError) -> [[Double]] {
    var scores: [[Double]] = []
    try inBatches(points, others) { (inputs, count, rows) throws(ModelError) in
      let output = try forwardInterpreter(rows: count).run(inputs)[0]
      scores += self.scores(in: output, rows: count).prefix(rows)
      passes.forward += rows
    }
    return scores
  }

  /// For each row of `points` the score of its target and the gradient of that, a row of the tensor.
  ///
  /// - Parameters:
  ///   - targets: as many as there are rows.
  ///   - others: what each of the points has in the place of the inputs that are held; nothing where
  ///     none differs.
  package func gradients(
    at points: Tensor, targets: [Int], beside others: [Others] = []
  ) throws(ModelError) -> (scores: [Double], gradients: Tensor) {
    var scores: [Double] = []
    var gradients: [Tensor] = []
    try inBatches(points, others) { (inputs, count, rows) throws(ModelError) in
      let interpreter = try gradientInterpreter(rows: count)
      let targets = Array(targets[scores.count..<(scores.count + rows)])
      let seed = try oneHotSeed(for: targets, rows: count, of: interpreter)
      let outputs = try interpreter.run(inputs + [seed])
      scores += zip(self.scores(in: outputs[0], rows: count), targets).map { $0[$1] }
      gradients.append(outputs[1].reshaped(to: Shape([count] + pointShape)).rows(0..<rows))
      passes.forward += rows
      passes.backward += rows
    }
    return (scores, gradients.count == 1 ? gradients[0] : Tensor(stacking: gradients))
  }

  /// The scores of a point and the gradients of some of them, chosen when the scores are known, in one
  /// forward pass and one backward pass for each.
  ///
  /// - Parameters:
  ///   - point: a batch of one row.
  ///   - count: how many are chosen.
  /// - Returns: for each target a gradient of one row.
  package func gradients(
    at point: Tensor, choosing choice: Problem.Targets, count: Int = 1
  ) throws(ModelError) -> (scores: [Double], targets: [Int], gradients: [Tensor]) {
    let rows = layout.smallestBatch
    let batch = rows == 1 ? point : Tensor(stacking: Array(repeating: point, count: rows))
    func row(_ gradient: Tensor) -> Tensor {
      gradient.reshaped(to: Shape([rows] + pointShape)).rows(0..<1)
    }
    passes.forward += 1
    guard count > 1 else {
      let interpreter = try gradientInterpreter(rows: rows)
      var chosen: (scores: [Double], targets: [Int]) = ([], [])
      let outputs = try interpreter.run(inputs(batch)) { (output) throws(ModelError) in
        let scores = self.scores(in: output, rows: rows)[0]
        chosen = (scores, try choice(scores))
        return try oneHotSeed(for: Array(chosen.targets.prefix(1)), rows: rows, of: interpreter)
      }
      passes.backward += 1
      return (chosen.scores, chosen.targets, [row(outputs[1])])
    }
    let plan = try seedPlan(rows: rows)
    let activations = try plan.activations(inputs(batch))
    let scores = self.scores(in: activations.outputs[0], rows: rows)[0]
    let targets = try choice(scores)
    let gradients = try targets.map { (target) throws(ModelError) in
      passes.backward += 1
      let seed = try oneHotSeed(for: [target], rows: rows, type: plan.seed)
      return row(try plan.gradient(activations, seed: seed))
    }
    return (scores, targets, gradients)
  }

  /// What computes the gradients of many scores of a batch of this size.
  private func seedPlan(rows: Int) throws(ModelError) -> SeedPlan {
    if let plan = seedPlans[rows] { return plan }
    workspace.release()
    let plan = try SeedPlan(try differentiated(rows: rows), in: workspace)
    seedPlans[rows] = plan
    return plan
  }

  /// The degree of the scores in the explained input, where it is proved, or what spoils it.
  package func homogeneity() throws(ModelError) -> HomogeneityReport {
    if let knownHomogeneity { return knownHomogeneity }
    let graph = try specialized(rows: layout.smallestBatch)
    let report = graph.homogeneity(of: graph.outputs[0], in: [graph.inputs[explained]])
    knownHomogeneity = report
    return report
  }

  /// The degree of the scores in the explained input.
  ///
  /// - Throws: `ModelError` that names what spoils homogeneity.
  package func requiredDegree() throws(ModelError) -> Int {
    let report = try homogeneity()
    if let degree = report.degree { return degree }
    let breakers = report.breakers.prefix(3).map {
      "'\($0.node)' (\($0.operatorName)) \($0.reason)"
    }
    let more = report.breakers.count > 3 ? " and \(report.breakers.count - 3) more" : ""
    let reason =
      breakers.isEmpty
      ? "the score does not grow with the input" : breakers.joined(separator: ", ") + more
    throw ModelError("xg needs a homogeneous model: \(reason); use ig", kind: .usage)
  }

  /// What computes the scores of a batch of this size.
  package func forwardInterpreter(rows: Int) throws(ModelError) -> Interpreter {
    if let plan = forwardPlans[rows] { return plan }
    let plan = Interpreter(try specialized(rows: rows).fused(), in: workspace)
    forwardPlans[rows] = plan
    return plan
  }

  /// What computes the scores of a batch of this size and, given a seed as its last input, their
  /// gradient.
  package func gradientInterpreter(rows: Int) throws(ModelError) -> Interpreter {
    if let plan = gradientPlans[rows] { return plan }
    workspace.release()
    let plan = Interpreter(try differentiated(rows: rows), in: workspace)
    gradientPlans[rows] = plan
    return plan
  }

  /// The last input of a gradient interpreter: 1 for the score asked for in each row, else 0.
  package func oneHotSeed(
    for targets: [Int], rows: Int, of interpreter: Interpreter
  ) throws(ModelError) -> Tensor {
    let graph = interpreter.graph
    guard let input = graph.inputs.last, let type = graph.type(of: input) else {
      throw ModelError("the gradient has no seed", kind: .fault)
    }
    return try oneHotSeed(for: targets, rows: rows, type: type)
  }

  /// A gradient of the scores of a batch: 1 for the score asked for in each row, else 0. Rows behind
  /// the last target only fill the batch.
  func oneHotSeed(for targets: [Int], rows: Int, type: TensorType) throws(ModelError) -> Tensor {
    let width = type.shape.elementCount / max(rows, 1)
    var elements = [Double](repeating: 0, count: type.shape.elementCount)
    for (row, target) in targets.prefix(rows).enumerated() {
      guard target >= 0, target < width else {
        throw ModelError("target \(target) is not one of the model's \(width) scores", kind: .usage)
      }
      elements[row * width + target] = 1
    }
    return Tensor(elements, shape: type.shape).converted(to: type.elementType)
  }

  /// The graph of scores and gradients of a batch, ready to run.
  func differentiated(rows: Int) throws(ModelError) -> Graph {
    let graph = try specialized(rows: rows).poolingBeforeRelu()
    let input = graph.inputs[explained]
    let gradient = try graph.gradient(of: graph.outputs[0], withRespectTo: [input])
    guard gradient.arrives[0] else {
      throw ModelError(noGradientOf: graph.outputs[0], reaching: input, in: graph)
    }
    return try gradient.graph.fused().narrowed(to: precision)
  }

  /// Those of these inputs that the scores depend on, other than by their shapes.
  package func dependencies(among indices: Set<Int>) throws(ModelError) -> Set<Int> {
    guard !indices.isEmpty else { return [] }
    let graph = try specialized(rows: layout.smallestBatch)
    return indices.filter { index in
      graph.inputs.indices.contains(index)
        && graph.depends(graph.outputs[0], on: graph.inputs[index])
    }
  }

  /// Refuses a function whose scores do not depend on the explained input once shapes are known.
  func requireDependence() throws(ModelError) {
    if isDependent { return }
    let graph = try specialized(rows: layout.smallestBatch)
    let input = graph.inputs[explained]
    guard graph.depends(graph.outputs[0], on: input) else {
      throw ModelError(noGradientOf: graph.outputs[0], reaching: input, in: graph)
    }
    isDependent = true
  }

  /// Holds inputs that are not explained at other tensors of the same shapes.
  package func hold(_ others: Others) {
    for (index, tensor) in others {
      precondition(fixed[index]?.shape == tensor.shape, "input \(index) has another shape")
      fixed[index] = tensor
    }
  }

  /// Counts evaluations that somebody else made.
  func count(_ more: Passes) { passes += more }

  /// The inputs of the model for a batch of points, and what each of them has in the place of the inputs
  /// that are held.
  package func inputs(_ batch: Tensor, beside others: [Others] = []) -> [Tensor] {
    let rows = batch.shape[0]
    return model.inputs.indices.map { index in
      guard index != explained else { return batch.reshaped(to: batchShape(rows)) }
      let own = others.compactMap { $0[index] }
      guard own.isEmpty else { return own.count == 1 ? own[0] : Tensor(stacking: own) }
      return fixedInput(index, rows: rows) ?? batch
    }
  }

  /// The scores of each row of an output.
  func scores(in output: Tensor, rows: Int) -> [[Double]] {
    let elements = output.converted(to: .float64).elements(as: Double.self)
    let width = elements.count / max(rows, 1)
    return (0..<rows).map { Array(elements[($0 * width)..<(($0 + 1) * width)]) }
  }

  /// The other inputs of the model for a batch of so many rows.
  func otherInputs(rows: Int) -> [Tensor] {
    model.inputs.indices.filter { $0 != explained }.compactMap { fixedInput($0, rows: rows) }
  }

  /// The model for a batch of so many rows, with the scores as its only output.
  func specialized(rows: Int) throws(ModelError) -> Graph { try specialized(model, rows: rows) }

  /// A graph of the model's inputs for a batch of so many rows; its first output is that of the scores.
  func specialized(_ model: Graph, rows: Int) throws(ModelError) -> Graph {
    let shapes = model.inputs.indices.map { index in
      index == explained ? batchShape(rows) : fixedInput(index, rows: rows)?.shape ?? []
    }
    let graph = try model.specialized(to: shapes, in: workspace).simplified()
    let scores = try graph.appending(margins, rows: hasBatches ? rows : 1)
    return scores.replacingOutputs(scores.outputs.prefix(1) + graph.outputs.dropFirst())
  }

  /// The shape of the explained input for a batch of so many rows.
  func batchShape(_ rows: Int) -> Shape {
    hasBatches ? Shape([rows] + pointShape) : pointShape
  }

  /// Another input of the model, its only row repeated for each row of a batch.
  private func fixedInput(_ index: Int, rows: Int) -> Tensor? {
    guard let tensor = fixed[index] else { return nil }
    guard rows > 1, tensor.shape.first == 1 else { return tensor }
    return Tensor(stacking: Array(repeating: tensor, count: rows))
  }

  /// Calls `body` with the inputs of batches that the model takes, the number of their rows, and of those
  /// that count.
  private func inBatches(
    _ points: Tensor, _ others: [Others],
    _ body: (_ inputs: [Tensor], _ count: Int, _ rows: Int) throws(ModelError) -> Void
  ) throws(ModelError) {
    var start = 0
    while start < points.shape[0] {
      let rows = min(batchSize, points.shape[0] - start)
      let batch = points.rows(start..<(start + rows))
      let own = Array(others.dropFirst(start).prefix(rows))
      let isFilled = padsBatches && (rows > 1 || padsSingles)
      let padding = max((isFilled ? batchSize : layout.smallestBatch) - rows, 0)
      let filler = Array(repeating: batch.rows((rows - 1)..<rows), count: padding)
      let inputs = inputs(
        padding == 0 ? batch : Tensor(stacking: [batch] + filler),
        beside: own + (own.last.map { Array(repeating: $0, count: padding) } ?? []))
      try body(inputs, rows + padding, rows)
      start += rows
    }
  }
}
