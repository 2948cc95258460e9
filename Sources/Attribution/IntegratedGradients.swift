package import Tensors

extension ModelFunction {
  /// Integrated Gradients along the straight line from `baseline` to `point`:
  /// (x - x') times the integral of the gradient at x' + a(x - x') over a in 0...1
  /// (Sundararajan et al., 2017, arXiv 1703.01365).
  ///
  /// What the model does before its first nonlinearity is done at the two ends only, and so is its
  /// last layer. Steps run in batches; their sum is kept in double precision and grows as batches come,
  /// so memory does not depend on the number of steps.
  ///
  /// - Parameters:
  ///   - point: a batch of one row.
  ///   - baseline: a batch of one row.
  ///   - target: chooses the score to explain when those of the point are known.
  ///   - progress: told of the share of steps that are done; what it throws ends the run.
  package func integratedGradients(
    at point: Tensor, from baseline: Tensor, nodes: [Quadrature.Node],
    choosing target: TargetChoice,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> (target: Int, map: AttributionMap) {
    let before = passes
    let scores = try scores(at: Tensor(stacking: [point, baseline]))
    let target = try target(scores[0])
    let values = try pathAttribution(
      at: point, from: baseline, target: target, nodes: nodes, progress: progress)
    let map = AttributionMap(
      values: values, score: scores[0][target], baselineScore: scores[1][target],
      passes: passes - before)
    return (target, map)
  }

  /// The attributions of Integrated Gradients alone, for a caller that knows the scores: float64, of the
  /// shape of a point.
  package func pathAttribution(
    at point: Tensor, from baseline: Tensor, target: Int, nodes: [Quadrature.Node],
    progress: (Double) throws -> Void = { _ in }
  ) throws -> Tensor {
    let plan = try pathPlan(rows: rows(for: nodes.count))
    var integral = try plan.integral(from: baseline, to: point, target: target, nodes: nodes) {
      try progress(Double($0) / Double(nodes.count))
    }
    count(Passes(forward: nodes.count, backward: nodes.count))
    for (index, (end, start)) in zip(point.doubles, baseline.doubles).enumerated() {
      integral[index] *= end - start
    }
    return Tensor(integral, shape: pointShape)
  }

  /// Integrated Gradients of a score that is chosen beforehand.
  package func integratedGradients(
    at point: Tensor, from baseline: Tensor, target: Int, nodes: [Quadrature.Node],
    progress: (Double) throws -> Void = { _ in }
  ) throws -> AttributionMap {
    try integratedGradients(
      at: point, from: baseline, nodes: nodes, choosing: { _ in target }, progress: progress
    ).map
  }

  /// Points per batch that spread the steps evenly, so that the last batch is hardly smaller.
  private func rows(for steps: Int) -> Int {
    if case .fixed(let extent) = layout { return extent }
    let batches = (steps + batchSize - 1) / max(batchSize, 1)
    return max((steps + batches - 1) / max(batches, 1), 1)
  }
}
