package import Graphs
package import Tensors

extension DifferentiableFunction {
  /// The gradient of the target's score at `point`.
  ///
  /// - Parameter point: a batch of one row.
  package func gradientMap(
    at point: Tensor, target: Int, timesInput: Bool = false, dividedBy degree: Int = 1
  ) throws(ModelError) -> AttributionMap {
    let before = passes
    let (scores, gradients) = try gradients(at: point, target: target)
    var values = gradients.converted(to: .float64).elements(as: Double.self)
    if timesInput {
      for (index, element) in point.converted(to: .float64).elements(as: Double.self).enumerated() {
        values[index] *= element / Double(degree)
      }
    }
    return AttributionMap(
      values: Tensor(values, shape: pointShape), score: scores.first ?? 0, baselineScore: nil,
      passes: passes - before)
  }
}

extension Passes {
  static func - (a: Passes, b: Passes) -> Passes {
    var difference = Passes()
    difference.forward = a.forward - b.forward
    difference.backward = a.backward - b.backward
    return difference
  }
}
