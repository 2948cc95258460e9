package import Graphs

/// DeepLIFT with the rescale rule (Shrikumar et al., 2017, arXiv 1704.02685).
///
/// The map is (x - x') m, with m the multipliers that arrive at the input: they are the gradient
/// where the network is linear, and the ratio of the differences of output and input, between the
/// point and the baseline, at each function of one number; `RescaleRules` has the formulas. The
/// attributions add up to F(x) - F(x'). Of several baselines the mean is taken, as DeepLIFT SHAP
/// does.
///
/// As captum 0.9 computes it, but for faults of that: where windows of a MaxPool overlap, what reaches
/// an element from each is added up; a MaxPool straight behind a Relu keeps its rule; a Relu may be
/// applied many times. Products of two values that depend on the input, Softmax inside the network,
/// attention and normalisation by statistics of the data have no rescale rule and are refused.
///
/// From a baseline of one colour, elements of a window may be equal there; the first of them is the
/// largest, and in float32 rounding decides.
package struct DeepLift: AttributionMethod {
  package static let name = "deeplift"
  package static let title = "DeepLIFT"
  package static let summary = "DeepLIFT, rescale rule, from the baseline to the input."

  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var usesBaseline: Bool { true }
  package var readsPrecision: Bool { false }
  package var addsUp: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let walk = try problem.function.walked(
      at: problem.point, beside: [problem.baseline], by: Self.name, choosing: problem.targets
    ) { (graph, input) throws(ModelError) in
      let pair = try ReferencePair(graph, of: input)
      return try pair.graph.gradient(
        of: pair.graph.outputs[0], withRespectTo: [pair.input], rules: RescaleRules(pair))
    }
    let difference = zip(problem.point.doubles, problem.baseline.doubles).map { $0 - $1 }
    return walk.maps(problem.function.pointShape) { multipliers, _ in
      zip(difference, multipliers).map { $0 * $1 }
    }
  }
}
