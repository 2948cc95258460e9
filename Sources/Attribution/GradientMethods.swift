package import Graphs
package import Tensors

extension ModelFunction {
  /// The gradient of the target's score at `point`.
  ///
  /// - Parameters:
  ///   - point: a batch of one row.
  ///   - timesInput: whether the gradient is multiplied by the point.
  ///   - degree: what it is divided by then.
  package func gradientMap(
    at point: Tensor, target: Int, timesInput: Bool = false, dividedBy degree: Int = 1
  ) throws(ModelError) -> AttributionMap {
    let before = passes
    let (scores, gradients) = try gradients(at: point, targets: [target])
    return map(
      gradients, at: point, score: scores.first ?? 0, since: before, timesInput: timesInput,
      dividedBy: degree)
  }

  fileprivate func map(
    _ gradient: Tensor, at point: Tensor, score: Double, since before: Passes, timesInput: Bool,
    dividedBy degree: Int
  ) -> AttributionMap {
    var values = gradient.converted(to: .float64).elements(as: Double.self)
    if timesInput {
      for (index, element) in point.converted(to: .float64).elements(as: Double.self).enumerated() {
        values[index] *= element / Double(degree)
      }
    }
    return AttributionMap(
      values: Tensor(values, shape: pointShape), score: score, baselineScore: nil,
      passes: passes - before)
  }
}

extension ModelFunction {
  /// The gradient of a score that is chosen when the scores are known, in one forward pass.
  ///
  /// - Parameter point: a batch of one row.
  package func gradientMap(
    at point: Tensor, choosing target: TargetChoice,
    timesInput: Bool = false, dividedBy degree: Int = 1
  ) throws(ModelError) -> (target: Int, map: AttributionMap) {
    let before = passes
    let result = try gradient(at: point, choosing: target)
    let map = map(
      result.gradient, at: point, score: result.scores[result.target], since: before,
      timesInput: timesInput, dividedBy: degree)
    return (result.target, map)
  }
}
