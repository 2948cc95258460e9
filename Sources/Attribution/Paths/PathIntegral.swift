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
  package func pathIntegral(
    from baseline: Tensor, to point: Tensor, target: Int, by integration: Integration,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> PathIntegral {
    switch integration {
    case .steps(let steps, let quadrature):
      let values = try pathAttribution(
        at: point, from: baseline, target: target, nodes: quadrature.nodes(steps),
        progress: progress)
      return PathIntegral(values: values, steps: steps)
    case .tolerance(let tolerance):
      if let path = try? SecantPath(self, from: baseline, to: point, target: target) {
        return try path.integral(within: tolerance, progress: progress)
      }
      var path = AdaptivePath(self, from: baseline, to: point, target: target)
      return try path.integral(within: tolerance, progress: progress)
    case .exact:
      let nodes = try ExactPath(self, from: baseline, to: point).nodes { try progress($0 / 2) }
      let values = try pathAttribution(
        at: point, from: baseline, target: target, nodes: nodes
      ) { try progress(0.5 + $0 / 2) }
      return PathIntegral(values: values, steps: nodes.count)
    }
  }

  /// The attributions of Integrated Gradients by a weighted sum over these nodes: float64, of the shape
  /// of a point.
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

  /// Points per batch that spread the steps evenly, so that the last batch is hardly smaller.
  private func rows(for steps: Int) -> Int {
    if case .fixed(let extent) = layout { return extent }
    let batches = (steps + batchSize - 1) / max(batchSize, 1)
    return max((steps + batches - 1) / max(batches, 1), 1)
  }
}
