package import Graphs

/// The gradient of the score with negative parts removed at each Relu on the way back (Springenberg
/// et al., 2015, arXiv 1412.6806).
///
/// A Relu passes max(dy, 0) where its input was positive; every other operator, MaxPool and other
/// activation functions included, passes its gradient. The map is what arrives at the input, not
/// multiplied by it.
package struct GuidedBackprop: AttributionMethod {
  package static let name = "guided-backprop"
  package static let title = "Guided Backprop"
  package static let summary = "The gradient without its negative parts at each Relu."

  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var isInUnitsOfScore: Bool { false }
  package var readsPrecision: Bool { false }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try RectifierRules.guided.maps(of: problem, for: Self.name)
  }
}

extension RectifierRules {
  /// What arrives at the input for each target.
  func maps(of problem: Problem, for method: String) throws(ModelError) -> [TargetedMap] {
    try problem.function.walked(
      at: problem.point, by: method, choosing: problem.targets
    ) { (graph, input) throws(ModelError) in
      try walk(graph, to: input, for: method)
    }.maps(problem.function.pointShape) { arrived, _ in arrived }
  }
}
