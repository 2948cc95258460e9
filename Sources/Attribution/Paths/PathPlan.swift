import Graphs
import Kernels
import Rewrites
import Tensors

extension ModelFunction {
  /// A batch of one row as the model takes it.
  fileprivate func asInput(_ point: Tensor) -> Tensor { point.reshaped(to: batchShape(1)) }

  /// What sums gradients at so many points at a time.
  func pathPlan(rows: Int) throws(ModelError) -> PathPlan {
    let summand = PathSummand(rows: rows)
    if let plan = pathPlans[summand] { return plan }
    let plan = try PathPlan(try pathGraph(of: summand), summand, of: self, in: workspace)
    pathPlans[summand] = plan
    return plan
  }

  /// What computes the mean gradients of so many pieces of a path at a time, or of fewer if they took too
  /// much memory: the operands of each Relu are kept, where gradients at points need their signs only.
  ///
  /// - Parameter sums: whether the means are added, or given one by one.
  /// - Throws: `ModelError` if the model has nodes that have no mean slope.
  func meanPlan(for pieces: Int, sums: Bool) throws(ModelError) -> PathPlan {
    var rows = if case .free = layout { pieces + 1 } else { rowsTaken(for: pieces) }
    let key = PathSummand(rows: rows, isMean: true, isSummed: sums)
    if let plan = pathPlans[key] { return plan }
    if let lackOfMeans { throw lackOfMeans }
    while true {
      let summand = PathSummand(rows: rows, isMean: true, isSummed: sums)
      let path: PathGraph
      do throws(ModelError) {
        path = try pathGraph(of: summand)
      } catch {
        let lack = error.advising("take gradients at points, as by --quadrature warped:2")
        lackOfMeans = lack
        throw lack
      }
      if case .free = layout, rows > 9, path.graph.peakBytes > Self.meanMemoryLimit {
        rows = rows / 2 + 1
        continue
      }
      let plan = try PathPlan(path, summand, of: self, in: workspace)
      pathPlans[key] = plan
      return plan
    }
  }

  private func pathGraph(of summand: PathSummand) throws(ModelError) -> PathGraph {
    try PathGraph(
      try specialized(rows: summand.rows), explaining: explained, of: summand,
      splits: summand.isSummed ? try pathPrefix() != nil : false, precision: precision)
  }

  /// Bytes of intermediate values that a batch of mean gradients may take.
  static let meanMemoryLimit = 512 << 20
}

/// A model ready to sum its gradients at points on a straight line, so many of them at a time.
///
/// The graph is cut into four: what depends on the ends alone and what on the seed alone is computed once,
/// what depends on the positions once for a batch of points, and the rest once for each batch and target.
final class PathPlan {
  private unowned let function: ModelFunction
  /// Points in a batch.
  let rows: Int
  /// The type of the seed: the scores of a batch.
  private let seed: TensorType
  private let workspace: Workspace
  private let prefix: PathPrefix?
  /// From the ends and the other inputs.
  private let still: Interpreter
  /// From the positions and what the still part gives for it.
  private let forward: Interpreter
  /// From the seed and what the still part gives for it.
  private let seeded: Interpreter
  /// From the weights, what the forward part gives and what the seeded part gives.
  private let backward: Interpreter
  /// How many of the values of the still part the forward part takes.
  private let forwardCount: Int

  /// - Parameter path: cut behind the affine prefix where the function has one and gradients are added.
  init(
    _ path: PathGraph, _ summand: PathSummand, of function: ModelFunction, in workspace: Workspace
  ) throws(ModelError) {
    self.function = function
    rows = summand.rows
    seed = path.seed
    prefix = summand.isSummed ? try function.pathPrefix() : nil
    self.workspace = workspace
    let graph = path.graph
    let passes = try graph.hoistingInvariants(
      from: [graph.inputs[1], graph.inputs[graph.inputs.count - 1]])
    let ends = try passes.invariant.hoistingInvariants(from: [passes.invariant.inputs[0]])
    // What the backward part reads, in the order in which the forward part and the ends give it.
    let read = zip(passes.invariant.outputs, passes.varying.inputs.dropFirst(2))
    let moving = read.filter { passes.invariant.depends($0.0, on: passes.invariant.inputs[0]) }
    let seeds = try passes.varying.hoistingInvariants(
      from: [passes.varying.inputs[0]] + moving.map(\.1))
    still = Interpreter(ends.invariant, in: workspace, keepsLayouts: true)
    forward = Interpreter(ends.varying, in: workspace, keepsLayouts: true)
    seeded = Interpreter(seeds.invariant, in: workspace, keepsLayouts: true)
    backward = Interpreter(seeds.varying, in: workspace, keepsLayouts: true)
    forwardCount = ends.crossingCount
  }

  /// Attributions of some scores to the elements of the input: its difference between two points times
  /// the weighted sum of the gradients.
  ///
  /// - Parameters:
  ///   - start: the first point, as a batch of one row.
  ///   - end: the last point.
  ///   - progress: told of the share of batches that are done; what it throws ends the run.
  /// - Returns: for each target float64 numbers of the shape of a point.
  func integrals(
    from start: Tensor, to end: Tensor, targets: [Int], batches: [PathBatch],
    progress: (Double) throws -> Void
  ) throws -> [Tensor] {
    var sums = targets.map { _ in [PathSum]() }
    try run(from: start, to: end, targets: targets, batches: batches) { batch, target, outputs in
      if sums[target].isEmpty { sums[target] = outputs.map(PathSum.init) }
      for (index, output) in outputs.enumerated() { sums[target][index].add(output) }
      if target == targets.count - 1 { try progress(Double(batch + 1) / Double(batches.count)) }
    }
    let differences = zip(start.doubles, end.doubles).map { $1 - $0 }
    return try sums.map { sums in
      let gradients = sums.map(\.tensor)
      let gradient =
        try prefix?.inputGradient(of: gradients, at: start)
        ?? workspace.rowMajor(gradients[0]).doubles
      return Tensor(zip(gradient, differences).map { $0 * $1 }, shape: function.pointShape)
    }
  }

  /// Calls `body` with what the graph gives for each batch and target.
  ///
  /// - Parameters:
  ///   - start: the first point, as a batch of one row.
  ///   - end: the last point.
  func run(
    from start: Tensor, to end: Tensor, targets: [Int], batches: [PathBatch],
    _ body: (_ batch: Int, _ target: Int, _ outputs: [Tensor]) throws -> Void
  ) throws {
    var given: [Tensor] = []
    for (start, end) in try prefix?.ends(start, end) ?? [(start, end)] {
      let difference = try workspace.apply(.subtract, end, start)
      given += prefix == nil ? [start, difference].map(function.asInput) : [start, difference]
    }
    given += function.otherInputs(rows: rows)
    let known = try still.run(given)
    let ends = Array(known.prefix(forwardCount))
    let seeds = try targets.map { (target) throws(ModelError) in
      try seeded.run(
        [
          try function.oneHotSeed(
            for: Array(repeating: target, count: rows), rows: rows, type: seed)
        ] + known.dropFirst(forwardCount))
    }
    for (number, batch) in batches.enumerated() {
      let filler = batch.positions[batch.positions.count - 1]
      let positions = vector(batch.positions, filler: filler)
      let weights = vector(batch.weights, filler: 0)
      var activations = try forward.run([positions] + ends)
      for (place, seed) in seeds.enumerated() {
        let operands = [weights] + activations + seed
        // The last pass frees what it has read.
        if place == seeds.count - 1 { activations = [] }
        try body(number, place, try backward.run(operands))
      }
    }
  }

  /// A vector of as many numbers as a batch has rows.
  private func vector(_ numbers: [Double], filler: Double) -> Tensor {
    let filled = numbers + [Double](repeating: filler, count: rows - numbers.count)
    return Tensor(filled).converted(to: seed.elementType)
  }
}
