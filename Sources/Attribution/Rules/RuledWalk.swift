import Graphs
import Kernels
import Rewrites
import Tensors

/// What a walk with replaced rules gives for one point.
struct RuledWalk {
  /// The scores at the point, and at what it is compared with if that is part of the graph.
  let scores: [[Double]]
  let targets: [Int]
  /// For each target what arrived at the explained input, of the shape of a point.
  let arrived: [[Double]]
}

extension ModelFunction {
  /// Walks from scores of a point back to the explained input with replaced rules, in one forward
  /// and one backward pass each.
  ///
  /// The walk starts with 1 at the target and 0 at every other score. The graph is the specialised,
  /// simplified one, BatchNormalization folded into convolutions, with no node moved: rules would
  /// see the difference. It is made once for each name and kept. bfloat16 is not used.
  ///
  /// - Parameters:
  ///   - point: a batch of one row.
  ///   - others: what the graph takes behind the inputs of the model, rows of the shape of the point.
  ///   - name: what tells the rules, with all their settings, from others.
  ///   - choice: chooses the targets when the scores are known.
  ///   - walk: makes the graph from that of the scores and the explained input. Its inputs are those of
  ///     the model, the others, and the seed; its last output is what arrives, those before are scores.
  /// - Throws: what `walk` and `choice` throw.
  func walked(
    at point: Tensor, beside others: [Tensor] = [], by name: String,
    choosing choice: Problem.Targets,
    _ walk: (_ graph: Graph, _ input: Value) throws(ModelError) -> GradientGraph
  ) throws(ModelError) -> RuledWalk {
    let rows = layout.smallestBatch
    let plan = try ruledPlan(rows: rows, name, walk)
    func batch(_ row: Tensor) -> Tensor {
      rows == 1 ? row : Tensor(stacking: Array(repeating: row, count: rows))
    }
    let activations = try plan.activations(
      inputs(batch(point)) + others.map { batch($0).reshaped(to: batchShape(rows)) })
    let scores = activations.outputs.map { self.scores(in: $0, rows: rows)[0] }
    let targets = try choice(scores[0])
    let arrived = try targets.map { (target) throws(ModelError) in
      let seed = try oneHotSeed(for: [target], rows: rows, type: plan.seed)
      let gradient = try plan.gradient(activations, seed: seed)
      return gradient.reshaped(to: Shape([rows] + pointShape)).rows(0..<1).doubles
    }
    count(Passes(forward: scores.count, backward: targets.count))
    return RuledWalk(scores: scores, targets: targets, arrived: arrived)
  }

  /// What runs a walk with replaced rules, kept by its name.
  func ruledPlan(
    rows: Int, _ name: String,
    _ walk: (_ graph: Graph, _ input: Value) throws(ModelError) -> GradientGraph
  ) throws(ModelError) -> SeedPlan {
    if let plan = ruledPlans[name] { return plan }
    let graph = try specialized(rows: rows)
    let input = graph.inputs[explained]
    let result = try walk(graph, input)
    guard result.arrives[0] else {
      throw ModelError(noGradientOf: graph.outputs[0], reaching: input, in: graph)
    }
    workspace.release()
    let plan = try SeedPlan(try result.graph.fused(), in: workspace)
    ruledPlans[name] = plan
    return plan
  }
}

extension RuledWalk {
  /// The maps of the targets.
  ///
  /// - Parameters:
  ///   - shape: of a point.
  ///   - values: makes attributions of what arrived for a target.
  func maps(
    _ shape: Shape, _ values: (_ arrived: [Double], _ score: Double) -> [Double]
  ) -> [TargetedMap] {
    zip(targets, arrived).map { target, arrived in
      let score = scores[0][target]
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(values(arrived, score), shape: shape), score: score,
          baselineScore: scores.count > 1 ? scores[1][target] : nil,
          passes: Passes(forward: scores.count, backward: 1)))
    }
  }
}
