import Graphs
package import Tensors

/// The attributions of Integrated Gradients from one baseline, and how they were found.
package struct PathIntegral {
  /// Float64, of the shape of a point.
  package let values: Tensor
  /// Evaluations of the gradient.
  package let steps: Int
  /// The relative L2 error of the values, where it is estimated.
  package var estimatedError: Double?
  /// The name of the rule, where it was found for this path.
  package var rule: String?

  /// The same by a rule that was found for the path.
  fileprivate func found(by integration: Integration) -> PathIntegral {
    var integral = self
    integral.rule = integration.ruleName
    return integral
  }
}

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
  ///   - baseline: a batch of one row.
  ///   - point: a batch of one row.
  ///   - progress: told of the share of steps that are done; what it throws ends the run.
  /// - Returns: one integral for each target.
  package func pathIntegrals(
    from baseline: Tensor, to point: Tensor, targets: [Int], by integration: Integration,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> [PathIntegral] {
    switch integration {
    case .steps(let steps, let quadrature):
      return try pathIntegrals(
        from: baseline, to: point, targets: targets, nodes: quadrature.nodes(steps),
        progress: progress)
    case .piloted(let steps):
      let rule = WarpPilot(try pilotScores(from: baseline, to: point)).rule
      let found = Integration.steps(steps, rule)
      return try pathIntegrals(
        from: baseline, to: point, targets: targets, by: found, progress: progress
      ).map { $0.found(by: found) }
    case .automatic(let count):
      let found = settled(count)
      return try pathIntegrals(
        from: baseline, to: point, targets: targets, by: found, progress: progress
      ).map { $0.found(by: found) }
    case .secant(let count):
      return try meanIntegrals(
        from: baseline, to: point, targets: targets, pieces: count, progress: progress)
    case .tolerance(let tolerance):
      guard !precision.isNarrow else {
        throw ModelError(
          "the error that a tolerance bounds is estimated without that of rounding to bfloat16, which is "
            + "larger; take a number of steps, or leave --precision out", kind: .usage)
      }
      if let path = try? SecantPath(self, from: baseline, to: point, targets: targets) {
        return try path.integrals(within: tolerance, progress: progress)
      }
      return try targets.enumerated().map { number, target in
        var path = AdaptivePath(self, from: baseline, to: point, target: target)
        return try path.integral(within: tolerance) {
          try progress((Double(number) + $0) / Double(targets.count))
        }
      }
    case .exact:
      let nodes = try ExactPath(self, from: baseline, to: point).nodes { try progress($0 / 2) }
      return try pathIntegrals(from: baseline, to: point, targets: targets, nodes: nodes) {
        try progress(0.5 + $0 / 2)
      }
    }
  }

  /// What `automatic` comes to for this model.
  package func settled(_ count: Int) -> Integration {
    let hasMeans = (try? meanPlan(for: rows(for: count), sums: true)) != nil
    return hasMeans
      ? .secant(count) : .steps(count, .warped(power: Quadrature.defaultPower))
  }

  /// The integrals by a weighted sum over these nodes; targets share the forward passes.
  private func pathIntegrals(
    from baseline: Tensor, to point: Tensor, targets: [Int], nodes: [Quadrature.Node],
    progress: (Double) throws -> Void
  ) throws -> [PathIntegral] {
    let rows = rows(for: nodes.count)
    return try integrals(
      by: try pathPlan(points: rows), PathBatch.points(nodes, rows: rows), evaluations: nodes.count,
      along: [PathLine(from: baseline, to: point)], targets: targets.map { [$0] },
      progress: progress)
  }

  /// The integrals from the mean gradients of so many pieces, which are shorter near the baseline.
  private func meanIntegrals(
    from baseline: Tensor, to point: Tensor, targets: [Int], pieces: Int,
    progress: (Double) throws -> Void
  ) throws -> [PathIntegral] {
    let plan = try meanPlan(for: rows(for: pieces), sums: true)
    let batches = PathBatch.pieces(between: PathBatch.edges(pieces), rows: plan.points)
    return try integrals(
      by: plan, batches, evaluations: pieces, along: [PathLine(from: baseline, to: point)],
      targets: targets.map { [$0] }, progress: progress)
  }

  /// Integrated Gradients of one score.
  package func pathIntegral(
    from baseline: Tensor, to point: Tensor, target: Int, by integration: Integration,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> PathIntegral {
    try pathIntegrals(
      from: baseline, to: point, targets: [target], by: integration, progress: progress)[0]
  }

  /// Integrated Gradients of a score for each of several lines. Where an integral takes few evaluations, lines
  /// share batches, which are filled up: what a line gives depends on no other one.
  package func pathIntegrals(
    along ways: [PathLine], targets: [Int], by integration: Integration
  ) throws -> [PathIntegral] {
    guard let (plan, batches, count) = try sharedPlan(for: integration) else {
      return try zip(ways, targets).map { way, target in
        try pathIntegrals(from: way.start, to: way.end, targets: [target], by: integration)[0]
      }
    }
    return try stride(from: 0, to: ways.count, by: plan.lines).flatMap { first in
      let range = first..<min(first + plan.lines, ways.count)
      return try integrals(
        by: plan, batches, evaluations: count, along: Array(ways[range]),
        targets: [Array(targets[range])])
    }
  }

  /// How many lines share a batch.
  package func linesTogether(by integration: Integration) throws -> Int {
    try sharedPlan(for: integration)?.plan.lines ?? 1
  }

  /// What sums the gradients of several lines at once, and at which points; nil where one fills batches.
  private func sharedPlan(
    for integration: Integration
  ) throws -> (plan: PathPlan, batches: [PathBatch], evaluations: Int)? {
    func lines(_ points: Int) -> Int {
      if case .free = layout { max(1, batchSize / max(points, 1)) } else { 1 }
    }
    switch integration {
    case .automatic(let count):
      return lines(count) > 1 ? try sharedPlan(for: settled(count)) : nil
    case .steps(let steps, let quadrature):
      let nodes = quadrature.nodes(steps)
      guard lines(nodes.count) > 1 else { return nil }
      let plan = try pathPlan(points: nodes.count, lines: lines(nodes.count))
      return (plan, PathBatch.points(nodes, rows: plan.points), nodes.count)
    case .secant(let pieces):
      guard lines(pieces + 1) > 1 else { return nil }
      let plan = try meanPlan(for: pieces, lines: lines(pieces + 1), sums: true)
      let edges = PathBatch.edges(pieces)
      return (plan, PathBatch.pieces(between: edges, rows: plan.points), pieces)
    case .piloted, .tolerance, .exact: return nil
    }
  }

  /// The integrals of one pass after the other, each for all lines.
  private func integrals(
    by plan: PathPlan, _ batches: [PathBatch], evaluations: Int, along ways: [PathLine],
    targets: [[Int]], progress: (Double) throws -> Void = { _ in }
  ) throws -> [PathIntegral] {
    // The last point of a batch of pieces is the first one of the next.
    let points = batches.reduce(0) { $0 + $1.positions.count }
    count(
      Passes(
        forward: points * ways.count, backward: evaluations * targets.count * ways.count))
    return try plan.integrals(
      along: ways, targets: targets, batches: batches, progress: progress
    ).joined().map { PathIntegral(values: $0, steps: evaluations) }
  }

  /// Points per batch that spread the steps evenly, so that the last batch is hardly smaller.
  private func rows(for steps: Int) -> Int {
    if case .fixed(let extent) = layout { return extent }
    let batches = (steps + batchSize - 1) / max(batchSize, 1)
    return max((steps + batches - 1) / max(batches, 1), 1)
  }
}
