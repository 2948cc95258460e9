package import Graphs
package import Kernels
import Rewrites
package import Tensors

/// A model as a function of one of its inputs, in batches.
///
/// For each batch size the graph is specialised, simplified, differentiated and fused once, and the
/// interpreter kept. Like a workspace, a function belongs to one thread.
package final class ModelFunction: DifferentiableFunction {
  package let pointShape: Shape
  package let elementType: ElementType
  package private(set) var batchSize = 1
  package private(set) var passes = Passes()
  /// Whether the model gives each row of a batch what it would give it alone.
  package private(set) var rowsAreIndependent = true

  /// The node that was left out so that scores are logits, where one was.
  package let omittedNode: String?

  /// The model with the scores as its only output.
  private let model: Graph
  private let explained: Int
  private let fixed: [Int: Tensor]
  private let workspace: Workspace
  private let layout: BatchLayout
  private var forwardPlans: [Int: Interpreter] = [:]
  private var gradientPlans: [Int: Interpreter] = [:]

  /// What the batch dimension of a model allows.
  private enum BatchLayout {
    /// Any number of points at once.
    case free
    /// Exactly so many points at once.
    case fixed(Int)
    /// There is no batch dimension: a point is the whole input.
    case none
  }

  /// The most points that a batch holds: more brings nothing, fewer lose Winograd convolutions.
  private static let largestBatch = 16

  /// A function of one input of `model`, the others held.
  ///
  /// - Parameters:
  ///   - model: a graph as imported, not specialised.
  ///   - explained: the index of the input whose elements get attributions.
  ///   - point: one sample of it, without a batch dimension unless the model has none.
  ///   - fixed: for each other input its tensor, by index, for one sample.
  ///   - memoryLimit: bytes of intermediate values that a batch may take.
  package init(
    _ model: Graph, explaining explained: Int, pointShape: Shape, fixed: [Int: Tensor] = [:],
    space: TargetSpace = .logit, memoryLimit: Int = 640 << 20, in workspace: Workspace
  ) throws(ModelError) {
    guard let declared = model.declaredType(of: model.inputs[explained]) else {
      throw ModelError("input \(explained) has no type")
    }
    guard declared.elementType.isFloatingPoint else {
      throw ModelError(
        "input '\(model.name(of: model.inputs[explained]))' holds \(declared.elementType), which has "
          + "no gradient; name an inner floating-point value with --layer", kind: .usage)
    }
    let scores = try model.scores(in: space)
    self.model = model.selecting([scores.value])
    self.explained = explained
    self.pointShape = pointShape
    self.elementType = declared.elementType
    self.fixed = fixed
    self.omittedNode = scores.omitted
    self.workspace = workspace
    self.layout = Self.batchLayout(declared, pointShape)
    self.batchSize = try chooseBatchSize(memoryLimit)
  }

  package func scores(at points: Tensor) throws(ModelError) -> [[Double]] {
    var scores: [[Double]] = []
    try inBatches(points) { (batch, rows) throws(ModelError) in
      let interpreter = try forwardInterpreter(rows: batch.shape[0])
      let output = try interpreter.run(inputs(batch))[0]
      scores += self.rows(of: output, count: batch.shape[0]).prefix(rows)
      passes.forward += batch.shape[0]
    }
    return scores
  }

  package func gradients(
    at points: Tensor, target: Int
  ) throws(ModelError) -> (scores: [Double], gradients: Tensor) {
    var scores: [Double] = []
    var gradients: [Tensor] = []
    try inBatches(points) { (batch, rows) throws(ModelError) in
      let interpreter = try gradientInterpreter(rows: batch.shape[0])
      let seed = try oneHotSeed(for: target, of: interpreter)
      let outputs = try interpreter.run(inputs(batch) + [seed])
      scores += self.rows(of: outputs[0], count: batch.shape[0]).prefix(rows).map { $0[target] }
      let shape = Shape([batch.shape[0]] + pointShape)
      gradients.append(outputs[1].reshaped(to: shape).rows(0..<rows))
      passes.forward += batch.shape[0]
      passes.backward += batch.shape[0]
    }
    guard gradients.count > 1 else { return (scores, gradients[0]) }
    return (scores, Tensor(stacking: gradients))
  }

  /// The degree of the scores in the explained input, where it is proved, or what spoils it.
  package func homogeneity() throws(ModelError) -> HomogeneityReport {
    let graph = try specialized(rows: 1)
    return graph.homogeneity(of: graph.outputs[0], in: [graph.inputs[explained]])
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
    throw ModelError(
      "xg needs a homogeneous model: \(breakers.joined(separator: ", "))\(more); use ig",
      kind: .usage)
  }

  // MARK: - Plans

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
    let plan = Interpreter(try differentiated(rows: rows), in: workspace)
    gradientPlans[rows] = plan
    return plan
  }

  private func differentiated(rows: Int) throws(ModelError) -> Graph {
    let graph = try specialized(rows: rows)
    return try graph.gradient(
      of: graph.outputs[0], withRespectTo: [graph.inputs[explained]]
    ).graph.fused()
  }

  private func specialized(rows: Int) throws(ModelError) -> Graph {
    let shapes = model.inputs.indices.map { index in
      index == explained ? batchShape(rows) : fixedInput(index, rows: rows)?.shape ?? []
    }
    return try model.specialized(to: shapes, in: workspace).simplified()
  }

  // MARK: - Batches

  private static func batchLayout(_ declared: DeclaredType, _ pointShape: Shape) -> BatchLayout {
    guard let dimensions = declared.dimensions else { return .free }
    guard dimensions.count == pointShape.rank + 1 else { return .none }
    if case .fixed(let extent) = dimensions[0], extent > 1 { return .fixed(extent) }
    return .free
  }

  private func batchShape(_ rows: Int) -> Shape {
    if case .none = layout { return pointShape }
    return Shape([rows] + pointShape)
  }

  /// The batch size that fits the memory limit; 1 where the model mixes the rows of a batch.
  private func chooseBatchSize(_ memoryLimit: Int) throws(ModelError) -> Int {
    switch layout {
    case .none: return 1
    case .fixed(let extent): return extent
    case .free: break
    }
    rowsAreIndependent = try checkIndependence()
    guard rowsAreIndependent else { return 1 }
    let bytes = try differentiated(rows: 2).peakBytes / 2
    // A power of two divides the usual numbers of steps.
    var size = Self.largestBatch
    while size > 1, size * bytes > memoryLimit { size /= 2 }
    return size
  }

  /// Runs two rows together and alone. A file cannot say that its first dimension counts samples, and
  /// many declare batches of one that take more.
  private func checkIndependence() throws(ModelError) -> Bool {
    let points = Tensor.noise(shape: Shape([2] + pointShape), seed: 1).converted(to: elementType)
    let together: [[Double]]
    do throws(ModelError) {
      let output = try forwardInterpreter(rows: 2).run(inputs(points))[0]
      guard output.shape.first == 2 else { return false }
      together = rows(of: output, count: 2)
    } catch {
      return false
    }
    for row in 0..<2 {
      let alone = try forwardInterpreter(rows: 1).run(inputs(points.rows(row..<(row + 1))))[0]
      let scale = together[row].map(abs).max() ?? 0
      let pairs = zip(rows(of: alone, count: 1)[0], together[row])
      guard pairs.allSatisfy({ abs($0 - $1) <= 1e-4 * scale }) else { return false }
    }
    return true
  }

  /// Calls `body` with batches that the model takes and the number of their rows that count.
  private func inBatches(
    _ points: Tensor, _ body: (Tensor, Int) throws(ModelError) -> Void
  ) throws(ModelError) {
    var start = 0
    while start < points.shape[0] {
      let rows = min(batchSize, points.shape[0] - start)
      let batch = points.rows(start..<(start + rows))
      if case .fixed(let extent) = layout, rows < extent {
        let padding = Array(repeating: batch.rows((rows - 1)..<rows), count: extent - rows)
        try body(Tensor(stacking: [batch] + padding), rows)
      } else {
        try body(batch, rows)
      }
      start += rows
    }
  }

  private func inputs(_ batch: Tensor) -> [Tensor] {
    let rows = batch.shape[0]
    return model.inputs.indices.map { index in
      guard index != explained else { return batch.reshaped(to: batchShape(rows)) }
      return fixedInput(index, rows: rows) ?? batch
    }
  }

  /// Another input of the model, its only row repeated for each row of a batch.
  private func fixedInput(_ index: Int, rows: Int) -> Tensor? {
    guard let tensor = fixed[index] else { return nil }
    guard rows > 1, tensor.shape.first == 1 else { return tensor }
    return Tensor(stacking: Array(repeating: tensor, count: rows))
  }

  /// The last input of a gradient interpreter: 1 for the score asked for in each row, else 0.
  package func oneHotSeed(
    for target: Int, of interpreter: Interpreter
  ) throws(ModelError) -> Tensor {
    let graph = interpreter.graph
    guard let input = graph.inputs.last, let type = graph.type(of: input) else {
      throw ModelError("the gradient has no seed")
    }
    let rows = self.rows(in: type.shape)
    let width = type.shape.elementCount / rows
    guard target >= 0, target < width else {
      throw ModelError("target \(target) is not one of the model's \(width) scores", kind: .usage)
    }
    var elements = [Double](repeating: 0, count: type.shape.elementCount)
    for row in 0..<rows { elements[row * width + target] = 1 }
    return Tensor(elements, shape: type.shape).converted(to: type.elementType)
  }

  private func rows(in shape: Shape) -> Int {
    if case .none = layout { return 1 }
    return max(1, shape.first ?? 1)
  }

  private func rows(of output: Tensor, count: Int) -> [[Double]] {
    let elements = output.converted(to: .float64).elements(as: Double.self)
    let width = elements.count / max(count, 1)
    return (0..<count).map { Array(elements[($0 * width)..<(($0 + 1) * width)]) }
  }
}
