package import Graphs
import Tensors

/// How much of the score's change from the baseline to the input flows through each element of a layer
/// (Dhamdhere et al., 2018, arXiv 1805.12233).
///
/// With y the layer at N + 1 points on the straight line, ends included: the sum of (y[k+1] - y[k]) times
/// the gradient with respect to y, which `StepRule` chooses. By `left` the points are equally spaced, as the
/// field's programs have them, else those of Integrated Gradients. Attributions have the shape of the layer, which comes last in an item, since
/// names may hold colons.
package struct Conductance: AttributionMethod {
  package static let name = "conductance"
  package static let title = "Conductance"
  package static let summary = "Integrated Gradients of a layer, along the input's path."
  package static let usage = "[:STEPS]\(StepRule.usage):layer=NAME"

  private let steps: Int
  private let rule: StepRule
  private let layer: String

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    steps = try settings.count(in: 1...Integration.largestStepCount) ?? 128
    rule = try StepRule(&settings)
    guard let layer = settings.string("layer") else {
      throw settings.error("name the layer, as in conductance:128:layer=NAME")
    }
    self.layer = layer
  }

  package var settings: String { ":\(steps)\(rule.settings):layer=\(layer)" }
  package var usesBaseline: Bool { true }
  package var evaluatesManyPoints: Bool { true }
  package var addsUp: Bool { true }
  package var attributedLayer: String? { layer }
  package var stepRule: StepRule? { rule }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let gradients = try function.stepGradients(of: layer, points: steps + 1, by: rule)
    let before = function.passes
    let scores = try function.scores(at: Tensor(stacking: [problem.point, problem.baseline]))
    let targets = try problem.targets(scores[0])
    let places =
      gradients.rule != .left
      ? PathBatch.edges(steps) : (0...steps).map { Double($0) / Double(steps) }
    let (start, end) = (problem.baseline.doubles, problem.point.doubles)
    let sums = try gradients.integrals(
      along: places.count, targets: targets, progress: problem.progress
    ) { number in
      Tensor(zip(start, end).map { $0 + places[number] * ($1 - $0) }, shape: problem.point.shape)
        .converted(to: problem.point.elementType)
    }
    let passes = function.passes - before
    return zip(targets, sums).enumerated().map { number, result in
      let (target, values) = result
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: values, score: scores[0][target], baselineScore: scores[1][target],
          passes: passes.share(number, of: targets.count), steps: steps,
          rules: rule == .automatic ? [gradients.rule.rawValue] : []))
    }
  }
}
