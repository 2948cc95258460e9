package import Graphs
import Tensors

/// Integrated Gradients along the straight line from the baseline to the point
/// (Sundararajan et al., 2017, arXiv 1703.01365).
package struct IntegratedGradients: AttributionMethod {
  package static let name = "ig"
  package static let title = "Integrated Gradients"
  package static let summary = "Integrated Gradients, from the baseline to the input."
  package static let usage = "[:STEPS|:tolerance=T][:quadrature=RULE]"

  /// How the integral is computed.
  package let integration: Integration

  package init(_ integration: Integration) { self.integration = integration }

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    integration = try Integration(&settings)
  }

  package var settings: String { integration.settings }
  package var integrationInside: Integration? { integration }
  package var usesBaseline: Bool { true }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let before = problem.function.passes
    let ends: (point: [Double], baseline: [Double])
    var integration = integration
    var rule: String?
    if case .piloted(let count) = integration {
      // The pilot's scores hold those of the ends.
      let scores = try problem.function.pilotScores(from: problem.baseline, to: problem.point)
      let found = WarpPilot(scores).rule
      ends = (scores[scores.count - 1], scores[0])
      integration = .steps(count, found)
      rule = integration.ruleName
    } else {
      let scores = try problem.function.scores(
        at: Tensor(stacking: [problem.point, problem.baseline]))
      ends = (scores[0], scores[1])
    }
    let targets = try problem.targets(ends.point)
    let integrals = try problem.function.pathIntegrals(
      from: problem.baseline, to: problem.point, targets: targets, by: integration,
      progress: problem.progress)
    let passes = problem.function.passes - before
    return zip(targets, integrals).enumerated().map { number, result in
      let (target, integral) = result
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: integral.values, score: ends.point[target], baselineScore: ends.baseline[target],
          passes: passes.share(number, of: targets.count), steps: integral.steps,
          estimatedError: integral.estimatedError, rules: [rule ?? integral.rule].compactMap(\.self)
        ))
    }
  }
}
