import Graphs
import Kernels
import Rewrites
import Tensors

extension ModelFunction {
  /// What sums gradients at so many points at a time of each of so many lines.
  func pathPlan(points: Int, lines: Int = 1) throws(ModelError) -> PathPlan {
    let summand = PathSummand(rows: points * lines, lines: lines)
    if let plan = pathPlans[summand] { return plan }
    let plan = try PathPlan(try pathGraph(of: summand), summand, of: self, in: workspace)
    pathPlans[summand] = plan
    return plan
  }

  /// What computes the mean gradients of so many pieces of a path at a time, and of so many paths, or of fewer
  /// if they took too much memory: the operands of each Relu are kept, where gradients at points need their
  /// signs only.
  ///
  /// - Parameters:
  ///   - lines: paths that share a batch; one where the means are not added.
  ///   - sums: whether the means are added, or given one by one.
  /// - Throws: `ModelError` if the model has nodes that have no mean slope.
  func meanPlan(for pieces: Int, lines: Int = 1, sums: Bool) throws(ModelError) -> PathPlan {
    var points = if case .free = layout { pieces + 1 } else { rowsTaken(for: pieces) }
    var lines = lines
    let key = PathSummand(rows: points * lines, lines: lines, isMean: true, isSummed: sums)
    if let plan = pathPlans[key] { return plan }
    if let lackOfMeans { throw lackOfMeans }
    while true {
      let summand = PathSummand(
        rows: points * lines, lines: lines, isMean: true, isSummed: sums)
      let path: PathGraph
      do throws(ModelError) {
        path = try pathGraph(of: summand)
      } catch {
        let lack = error.advising("take gradients at points, as by --quadrature warped:2")
        lackOfMeans = lack
        throw lack
      }
      if case .free = layout, path.graph.peakBytes > Self.meanMemoryLimit {
        if lines > 1 {
          lines /= 2
          continue
        }
        if points > 9 {
          points = points / 2 + 1
          continue
        }
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
  /// Paths that share a batch.
  let lines: Int
  /// Points of each path in a batch.
  let points: Int
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
    lines = summand.lines
    points = summand.rows / summand.lines
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

  /// Attributions of some scores to the elements of the input: its difference between the ends of a line
  /// times the weighted sum of the gradients.
  ///
  /// - Parameters:
  ///   - ways: as many as share a batch, or fewer.
  ///   - targets: for each pass the score of each of them.
  ///   - batches: of the points of every one of them.
  ///   - progress: told of the share of batches that are done; what it throws ends the run.
  /// - Returns: for each pass and line float64 numbers of the shape of a point.
  func integrals(
    along ways: [PathLine], targets: [[Int]], batches: [PathBatch],
    progress: (Double) throws -> Void
  ) throws -> [[Tensor]] {
    var sums = targets.map { _ in [PathSum]() }
    try run(along: ways, targets: targets, batches: batches) { batch, pass, outputs in
      if sums[pass].isEmpty { sums[pass] = outputs.map(PathSum.init) }
      for (index, output) in outputs.enumerated() { sums[pass][index].add(output) }
      if pass == targets.count - 1 { try progress(Double(batch + 1) / Double(batches.count)) }
    }
    return try sums.map { sums in
      let gradients = sums.map { parts(of: $0.tensor) }
      return try ways.enumerated().map { number, way in
        let gradients = gradients.map { $0[number] }
        let gradient =
          try prefix?.inputGradient(of: gradients, at: way.start)
          ?? workspace.rowMajor(gradients[0]).doubles
        let differences = zip(way.start.doubles, way.end.doubles).map { $1 - $0 }
        return Tensor(zip(gradient, differences).map { $0 * $1 }, shape: function.pointShape)
      }
    }
  }

  /// Calls `body` with what the graph gives for each batch and pass.
  ///
  /// - Parameters:
  ///   - ways: as many as share a batch, or fewer.
  ///   - targets: for each pass the score of each of them.
  func run(
    along ways: [PathLine], targets: [[Int]], batches: [PathBatch],
    _ body: (_ batch: Int, _ pass: Int, _ outputs: [Tensor]) throws -> Void
  ) throws {
    let known = try still.run(
      try given(for: ways) + function.otherInputs(rows: lines * points))
    let ends = Array(known.prefix(forwardCount))
    let seeds = try targets.map { (targets) throws(ModelError) in
      let rows = filled(targets).flatMap { Array(repeating: $0, count: points) }
      return try seeded.run(
        [try function.oneHotSeed(for: rows, rows: rows.count, type: seed)]
          + known.dropFirst(forwardCount))
    }
    for (number, batch) in batches.enumerated() {
      let positions = vector(batch.positions, filler: batch.positions[batch.positions.count - 1])
      let weights = vector(batch.weights, filler: 0)
      var activations = try forward.run([positions] + ends)
      for (pass, seed) in seeds.enumerated() {
        let operands = [weights] + activations + seed
        // The last pass frees what it has read.
        if pass == seeds.count - 1 { activations = [] }
        try body(number, pass, try backward.run(operands))
      }
    }
  }

  /// For each value that lies on the lines what it is at their starts and what more at their ends.
  private func given(for ways: [PathLine]) throws -> [Tensor] {
    let ends = try ways.map { way in
      try prefix?.ends(way.start, way.end) ?? [(way.start, way.end)]
    }
    var given: [Tensor] = []
    for value in ends[0].indices {
      let (start, end) = (stacked(ends.map { $0[value].0 }), stacked(ends.map { $0[value].1 }))
      let pair = [start, try workspace.apply(.subtract, end, start)]
      given += prefix == nil ? pair.map { $0.reshaped(to: function.batchShape(lines)) } : pair
    }
    return given
  }

  /// The tensors of all lines behind each other.
  private func stacked(_ tensors: [Tensor]) -> Tensor {
    lines == 1 ? tensors[0] : Tensor(stacking: filled(tensors))
  }

  /// One for each line, the last one repeated.
  private func filled<Element>(_ ways: [Element]) -> [Element] {
    ways + ways.suffix(1).flatMap { Array(repeating: $0, count: lines - ways.count) }
  }

  /// What belongs to each line.
  private func parts(of tensor: Tensor) -> [Tensor] {
    guard lines > 1 else { return [tensor] }
    let extent = tensor.shape[0] / lines
    return (0..<lines).map { tensor.rows(($0 * extent)..<(($0 + 1) * extent)) }
  }

  /// A vector of as many numbers as a batch has rows: the same for every line.
  private func vector(_ numbers: [Double], filler: Double) -> Tensor {
    let filled = numbers + [Double](repeating: filler, count: points - numbers.count)
    return Tensor((0..<lines).flatMap { _ in filled }).converted(to: seed.elementType)
  }
}
