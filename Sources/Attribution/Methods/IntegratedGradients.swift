package import Graphs
import Tensors

/// Integrated Gradients along the straight line from the baseline to the point
/// (Sundararajan et al., 2017, arXiv 1703.01365).
package struct IntegratedGradients: AttributionMethod {
  package static let name = "ig"
  package static let title = "Integrated Gradients"
  package static let summary = "Integrated Gradients, from the baseline to the input."
  package static let usage = "[:STEPS|:tolerance=T][:quadrature=RULE][:power=P]"

  /// How the integral is computed.
  package let integration: Integration

  package init(_ integration: Integration) { self.integration = integration }

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    integration = try Integration(&settings)
  }

  package var settings: String { integration.settings }
  package var usesBaseline: Bool { true }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let before = problem.function.passes
    let scores = try problem.function.scores(
      at: Tensor(stacking: [problem.point, problem.baseline]))
    let targets = try problem.targets(scores[0])
    let shared = problem.function.passes - before
    return try targets.enumerated().map { number, target in
      let before = problem.function.passes
      let integral = try problem.function.pathIntegral(
        from: problem.baseline, to: problem.point, target: target, by: integration
      ) { share in
        try problem.progress((Double(number) + share) / Double(targets.count))
      }
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: integral.values, score: scores[0][target], baselineScore: scores[1][target],
          passes: shared + (problem.function.passes - before), steps: integral.steps,
          estimatedError: integral.estimatedError))
    }
  }
}
