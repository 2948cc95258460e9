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
    let plan = try pathPlan(rows: rows)
    let batches = PathBatch.points(nodes, rows: rows)
    count(Passes(forward: nodes.count, backward: nodes.count * targets.count))
    return try plan.integrals(
      from: baseline, to: point, targets: targets, batches: batches, progress: progress
    ).map { PathIntegral(values: $0, steps: nodes.count) }
  }

  /// The integrals from the mean gradients of so many pieces, which are shorter near the baseline.
  private func meanIntegrals(
    from baseline: Tensor, to point: Tensor, targets: [Int], pieces: Int,
    progress: (Double) throws -> Void
  ) throws -> [PathIntegral] {
    let plan = try meanPlan(for: rows(for: pieces), sums: true)
    let batches = PathBatch.pieces(between: PathBatch.edges(pieces), rows: plan.rows)
    count(Passes(forward: pieces + batches.count, backward: pieces * targets.count))
    return try plan.integrals(
      from: baseline, to: point, targets: targets, batches: batches, progress: progress
    ).map { PathIntegral(values: $0, steps: pieces) }
  }

  /// Integrated Gradients of one score.
  package func pathIntegral(
    from baseline: Tensor, to point: Tensor, target: Int, by integration: Integration,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> PathIntegral {
    try pathIntegrals(
      from: baseline, to: point, targets: [target], by: integration, progress: progress)[0]
  }

  /// Points per batch that spread the steps evenly, so that the last batch is hardly smaller.
  private func rows(for steps: Int) -> Int {
    if case .fixed(let extent) = layout { return extent }
    let batches = (steps + batchSize - 1) / max(batchSize, 1)
    return max((steps + batches - 1) / max(batches, 1), 1)
  }
}
