import Graphs
import Kernels
import Rewrites
import Tensors

extension ModelFunction {
  /// A batch of one row as the model takes it.
  fileprivate func asInput(_ point: Tensor) -> Tensor { point.reshaped(to: batchShape(1)) }

  /// What sums gradients at so many points at a time.
  func pathPlan(rows: Int) throws(ModelError) -> PathPlan {
    if let plan = pathPlans[rows] { return plan }
    let prefix = try pathPrefix()
    let path = try PathGraph(
      try specialized(rows: rows), explaining: explained, rows: rows, splits: prefix != nil,
      precision: precision)
    let plan = try PathPlan(path, of: self, prefix: prefix, rows: rows, in: workspace)
    pathPlans[rows] = plan
    return plan
  }
}

/// A model ready to sum its gradients at points on a straight line, so many of them at a time.
///
/// The graph is cut into four: what depends on the ends alone and what on the seed alone is computed once,
/// what depends on the positions once for a batch of points, and the rest once for each batch and target.
final class PathPlan {
  private unowned let function: ModelFunction
  private let rows: Int
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

  /// - Parameter rows: points per batch.
  init(
    _ path: PathGraph, of function: ModelFunction, prefix: PathPrefix?, rows: Int,
    in workspace: Workspace
  ) throws(ModelError) {
    self.function = function
    self.rows = rows
    self.seed = path.seed
    self.prefix = prefix
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

  /// The weighted sums of the gradients of some scores with respect to the input at points between two.
  ///
  /// - Parameters:
  ///   - start: the first point, as a batch of one row.
  ///   - end: the last point.
  ///   - progress: told of the points that are done; what it throws ends the run.
  /// - Returns: for each target one number per element of the input.
  func integrals(
    from start: Tensor, to end: Tensor, targets: [Int], nodes: [Quadrature.Node],
    progress: (Int) throws -> Void
  ) throws -> [[Double]] {
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
    var sums = targets.map { _ in [PathSum]() }
    var done = 0
    while done < nodes.count {
      let batch = nodes[done..<min(done + rows, nodes.count)]
      let weights = vector(batch.map(\.weight))
      let activations = try forward.run([vector(batch.map(\.position))] + ends)
      for (place, seed) in seeds.enumerated() {
        let outputs = try backward.run([weights] + activations + seed)
        if sums[place].isEmpty { sums[place] = outputs.map(PathSum.init) }
        for (index, output) in outputs.enumerated() { sums[place][index].add(output) }
      }
      done += batch.count
      try progress(done)
    }
    return try sums.map { sums in
      let gradients = sums.map(\.tensor)
      if let prefix { return try prefix.inputGradient(of: gradients, at: start) }
      return workspace.rowMajor(gradients[0]).doubles
    }
  }

  /// A vector of as many numbers as a batch has rows, the last ones zero.
  private func vector(_ numbers: [Double]) -> Tensor {
    let filled = numbers + [Double](repeating: 0, count: rows - numbers.count)
    return Tensor(filled).converted(to: seed.elementType)
  }
}

/// A sum of tensors of one type and layout in double precision.
private struct PathSum {
  private let model: Tensor
  private var elements: [Double]

  /// A sum of nothing, for tensors like this one.
  init(_ model: Tensor) {
    self.model = model
    elements = [Double](repeating: 0, count: model.byteCount / model.elementType.size)
  }

  mutating func add(_ tensor: Tensor) {
    func add<E: NumericElement>(_ type: E.Type) {
      tensor.withElements(as: E.self) { terms in
        for index in elements.indices { elements[index] += terms[index].asDouble }
      }
    }
    if tensor.elementType == .float64 { add(Double.self) } else { add(Float.self) }
  }

  /// The sum in the type and layout of its terms.
  var tensor: Tensor {
    func tensor<E: NumericElement>(_ type: E.Type) -> Tensor {
      let elements = Tensor(self.elements.map { E(converting: $0) }, shape: [elements.count])
      return Tensor(
        model.elementType, model.shape, layout: model.layout, storage: elements.storage)
    }
    return model.elementType == .float64 ? tensor(Double.self) : tensor(Float.self)
  }
}
